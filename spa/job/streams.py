"""Tables that come through standard input, and their history."""

import copy
import io
import sys
from typing import TYPE_CHECKING

from spa.errors import DataError, UsageError

if TYPE_CHECKING:
    from spa.io.star import Tables


def standard_input() -> bytes:
    """All of standard input. UsageError where it is a terminal, DataError where it is empty."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("no table: name a STAR file, or pipe one in")
    data = sys.stdin.buffer.read()
    if not data.strip():
        raise DataError("standard input: empty; the command before it in the pipe gave nothing")
    return data


def named(data: bytes, name: str) -> io.BytesIO:
    """Bytes as a file with a name for messages."""
    stream = io.BytesIO(data)
    stream.name = name  # type: ignore[attr-defined]
    return stream


def with_history(tables: "Tables", line: str) -> "Tables":
    """The same tables with one more step in their history."""
    more = copy.copy(tables)
    object.__setattr__(more, "history", [*tables.history, line])
    return more
