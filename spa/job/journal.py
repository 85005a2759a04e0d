"""What each item gave, one JSON line when it is done: a killed job goes on from the last whole line."""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from spa.errors import WriteError


def plain(value: Any) -> Any:
    """Numbers and arrays of numpy as JSON has them."""
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be kept in a journal")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def files_in(result: Any, folder: Path) -> list[str]:
    """The files that a result names: its texts that lie in the outdir ("000001@" before a stack's name is cut off)."""
    head = os.path.normpath(folder) + os.sep
    names = {re.sub(r"^\d+@", "", text) for text in _texts(result)}
    return sorted(name for name in names if os.path.normpath(name).startswith(head) and "\n" not in name)


def _size(name: str) -> int:
    try:
        return os.stat(name).st_size
    except OSError:
        return -1


class Journal:
    """DIR/journal.jsonl: {"key", "result", "files": {name: size}} a line; the last line of a key counts."""

    def __init__(self, folder: Path, resume: bool) -> None:
        self.path = folder / "journal.jsonl"
        self.folder = folder
        self._writing = threading.Lock()
        self._done: dict[str, dict[str, Any]] = {}
        whole = self._read() if resume else 0
        try:
            self._file = open(self.path, "ab")  # noqa: SIM115 - kept open for the whole job
            self._file.truncate(whole)
        except OSError as error:
            raise WriteError(f"{self.path}: {error.strerror}") from None

    def _read(self) -> int:
        """Take in the whole lines; the number of bytes that they fill."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return 0
        whole = 0
        for line in data.splitlines(keepends=True):
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                entry = None
            if not isinstance(entry, dict):
                break
            self._done[entry["key"]] = entry
            whole += len(line)
        return whole

    def __contains__(self, key: str) -> bool:
        """Whether the item is done and the files it made still stand, of the size that they had."""
        entry = self._done.get(key)
        return entry is not None and all(_size(name) == size for name, size in entry["files"].items())

    def result(self, key: str) -> Any:
        return self._done[key]["result"]

    def add(self, key: str, result: Any) -> Any:
        """Keep a result on disk; gives it back as it will be read again."""
        text = json.dumps(result, default=plain)
        result = json.loads(text)
        files = {name: _size(name) for name in files_in(result, self.folder)}
        line = json.dumps({"key": key, "files": files})[:-1] + f', "result": {text}}}\n'
        with self._writing:
            try:
                self._file.write(line.encode())
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise WriteError(f"{self.path}: {error.strerror}") from None
        return result

    def close(self) -> None:
        with suppress(OSError):  # of a full disk: `add` has said so, and every line that it took is on disk
            self._file.close()
