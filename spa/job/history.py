"""Provenance: the line that a step adds to its table, and job.json beside the files it makes."""

import json
import os
import shlex
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from spa import __version__
from spa.errors import DataError, ReadError, WriteError, missing
from spa.installed import distributions

HASHED_BYTES = 64 * 2**20  # of a larger file the beginning is hashed, and its size stands beside
LIBRARIES = ("numpy", "scipy", "numba", "pyfftw", "mrcfile", "gemmi", "click", "pluggy")


def step(job: str, words: list[str], owner: str = "") -> str:
    """One step of a table's history: version, job, options after defaults. No clock: equal runs compare equal."""
    parts = [__version__, job, f"[{owner}]" if owner else "", shlex.join(words)]
    return " ".join(filter(None, parts)).replace("\n", " ")


def quoted(words: list[str]) -> list[str]:
    """Words as a shell takes them."""
    return [shlex.quote(word) for word in words]


def digest(data: bytes) -> dict[str, Any]:
    """Size and hash of a text that came through a pipe."""
    from hashlib import sha256  # here, not above: --help is to be fast

    return {"size": len(data), "sha256": sha256(data[:HASHED_BYTES]).hexdigest()}


def fingerprint(path: str | Path) -> dict[str, Any]:
    """Size of a file, and SHA-256 of its first HASHED_BYTES bytes."""
    from hashlib import sha256

    found, piece, left = sha256(), memoryview(bytearray(2**18)), HASHED_BYTES
    try:
        with open(path, "rb", buffering=0) as file:
            while left and (got := file.readinto(piece[: min(left, len(piece))])):
                found.update(piece[:got])
                left -= got
            return {"size": os.fstat(file.fileno()).st_size, "sha256": found.hexdigest()}
    except FileNotFoundError:
        raise missing(path) from None
    except IsADirectoryError:
        raise DataError(f"{path}: a folder, where a file is wanted") from None
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror}") from None


@lru_cache
def libraries() -> dict[str, str]:
    """Versions of the libraries that results rest on, without importing them."""
    there = {one.name: one.version for one in distributions() if one.name in LIBRARIES}
    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python} | {name: there[name] for name in LIBRARIES if name in there}


def read_record(folder: Path) -> dict[str, Any] | None:
    """The job.json of an earlier run; None when there is none."""
    path = folder / "job.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if not isinstance(record, dict):
        raise DataError(f"{path}: not the record of a job")
    return record


def doubts(path: str | Path) -> list[str]:
    """What the job whose folder a file lies in said against its own result; none where there is no record to read."""
    with suppress(DataError):
        record = read_record(Path(path).parent) or {}
        return [f"`spa {record.get('job')}` said of it: {text}" for text in record.get("doubts", [])]
    return []


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write job.json whole."""
    from spa.io.whole import whole

    with whole(folder / "job.json") as part:
        part.write_text(json.dumps(record, indent=1, default=str) + "\n", encoding="utf-8")


def remove_states(folder: Path) -> None:
    """Remove DIR/state.*, the last whole iteration of an earlier run: a fresh one must not go on from it."""
    for state in folder.glob("state.*"):
        try:
            state.unlink()
        except OSError as error:
            raise WriteError(f"{state}: cannot be removed: {error.strerror}") from None


def compare(folder: Path, earlier: dict[str, Any], now: dict[str, Any], neutral: frozenset[str]) -> None:
    """Refuse to resume what was begun differently: DataError names the option or the input that differs."""
    if earlier.get("job") != now["job"]:
        raise DataError(f"{folder}: holds the work of `spa {earlier.get('job')}`, not of `spa {now['job']}`")
    if earlier.get("version") != now["version"]:
        raise DataError(f"{folder}: was begun by spa {earlier.get('version')}; this is {now['version']}")
    before, wanted = earlier.get("options", {}), json.loads(json.dumps(now["options"], default=str))
    for name in sorted((set(before) | set(wanted)) - neutral):
        if before.get(name) != wanted.get(name):
            option = "--" + name.replace("_", "-")
            raise DataError(f"{folder}: --resume: {option} was {before.get(name)!r} and is now {wanted.get(name)!r}")
    held = earlier.get("inputs", {})
    gone = set(held) - set(now["inputs"])  # a table may have another name, but not another content
    for name, mark in now["inputs"].items():
        if held[name] != mark if name in held else gone and mark not in held.values():
            raise DataError(f"{folder}: --resume: the input {name} is not what the stopped run read")
