"""DIR/log.jsonl: what a job said, when it sat down to work, and what the sitting took."""

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

NAME = "log.jsonl"
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in ru_maxrss


class Log:
    """One sitting's lines; they wait for `open`, then are written as they come. A full disk costs the log, no work."""

    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = [{"begun": _now()}]
        self._file: IO[str] | None = None
        self._wall, self._cpu = time.monotonic(), _cpu_seconds()

    def open(self, folder: Path, go_on: bool) -> None:
        """Write into ``folder`` from here on: after the lines of earlier sittings, or in their place."""
        with suppress(OSError):
            self._file = (folder / NAME).open("a" if go_on else "w", encoding="utf-8")
        waiting, self._waiting = self._waiting, []
        for line in waiting:
            self._add(line)

    def said(self, text: str) -> None:
        """A line that went to the user."""
        self._add({"said": text})

    def close(self, status: str) -> None:
        """The end of the sitting: ``status`` is finished, or the error that ended it."""
        if self._file is None:
            return
        self._add({
            "ended": _now(), "status": status, "wall_seconds": round(time.monotonic() - self._wall, 2),
            "cpu_seconds": round(_cpu_seconds() - self._cpu, 2),
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT,
        })  # fmt: skip
        with suppress(OSError):
            self._file.close()
        self._file = None

    def _add(self, line: dict[str, Any]) -> None:
        if self._file is None:
            self._waiting.append(line)
            return
        with suppress(OSError):
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()


def sittings(folder: Path) -> list[dict[str, Any]]:
    """The sittings kept in a folder, oldest first: each its ``said`` lines and what `close` wrote."""
    found: list[dict[str, Any]] = []
    for line in _lines(folder / NAME):
        if "begun" in line or not found:
            found.append({"said": []})
        if "said" in line:
            found[-1]["said"].append(str(line["said"]))
        else:
            found[-1] |= line
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        with suppress(ValueError):  # a line cut by a kill
            if isinstance(found := json.loads(line), dict):
                yield found


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _cpu_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
