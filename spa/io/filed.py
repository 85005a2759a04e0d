"""Arrays that are too large for memory: they lie in a file, and rows are read and written as they are asked for.

A file that is mapped counts as memory of the process as far as it was touched, is zeroed page by page before it is
written, and a full disk ends the process; here what a process holds is what it asked for, and a full disk is an error.
"""

import os
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import IO, Any

import numpy as np

from spa.errors import ReadError, WriteError


def runs(rows: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Rows (m,) as runs that follow one another: the place of the first in the list, the row itself, how many."""
    edges = np.flatnonzero(np.diff(rows, prepend=-2, append=-2) != 1)
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist()):
        yield start, int(rows[start]), end - start


def read_into(out: np.ndarray, file: int, at: int, name: str | Path) -> None:
    """Fills a contiguous array from a byte of an open file on; may be called from several threads. Raises ReadError."""
    left = memoryview(out.reshape(-1).view(np.uint8).data)
    while left:
        try:
            got = os.preadv(file, [left], at)
        except OSError as error:
            raise ReadError(f"{name}: cannot be read: {error.strerror}") from error
        if not got:
            raise ReadError(f"{name}: ends before byte {at + len(left)}")
        left, at = left[got:], at + got


class _Open:
    """A file's number, closed when nothing asks for it any more."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


class Filed:
    """(n, 2, K) float32 in an open file, which the caller may close, used as an array is.

    Rows that are listed, or a number, are read: ``[rows]``, or ``[rows, :, :k]`` of their first columns; ``[rows] = …``
    writes them. Slices, ``[a:b]`` and ``[:, :, :k]``, read nothing: they are parts of the same file. Several
    threads may read and write. ReadError; WriteError where the disk is full.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, stream: IO[bytes], shape: tuple[int, int, int], name: str | Path) -> None:
        self._file, self._name, self._first, self._width = _Open(os.dup(stream.fileno())), name, 0, shape[2]
        self.shape = shape
        stream.truncate(self._place(shape[0]))

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def __array__(self, dtype: Any = None, **_: Any) -> np.ndarray:
        """All of it, read."""
        return self[np.arange(len(self))].astype(dtype or self.dtype, copy=False)

    def __getitem__(self, key: Any) -> Any:
        rows, columns = self._asked(key)
        if isinstance(rows, slice):
            return self._part(rows, columns)
        found = self._read(np.atleast_1d(self._numbers(rows)), columns)
        return found[0] if np.ndim(rows) == 0 else found

    def __setitem__(self, key: Any, values: Any) -> None:
        rows, columns = self._asked(key)
        rows = np.atleast_1d(self._numbers(np.arange(len(self))[rows] if isinstance(rows, slice) else rows))
        filled = np.broadcast_to(np.asarray(values, np.float32), (len(rows), 2, columns))
        if columns == self._width:
            for start, row, count in runs(rows):
                self._write(filled[start : start + count], self._place(row))
            return
        for image, row in zip(filled, rows.tolist()):
            for part, line in enumerate(image):
                self._write(line, self._place(row) + 4 * part * self._width)

    def _write(self, values: np.ndarray, at: int) -> None:
        left = memoryview(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
        while left:
            try:
                put = os.pwrite(self._file.number, left, at)
            except OSError as error:
                raise WriteError(f"{self._name}: cannot be written: {error.strerror}") from error
            left, at = left[put:], at + put

    def _asked(self, key: Any) -> tuple[Any, int]:
        """Rows, and how many of their columns."""
        rows, *rest = key if isinstance(key, tuple) else (key,)
        if not rest:
            return rows, self.shape[2]
        if len(rest) != 2 or rest[0] != slice(None) or not isinstance(rest[1], slice) or rest[1].start or rest[1].step:
            raise IndexError("rows, or the first columns of rows")
        return rows, len(range(self.shape[2])[rest[1]])

    def _numbers(self, rows: Any) -> np.ndarray:
        """Rows from 0; IndexError where there are none such."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(self)}")
        return rows

    def _part(self, rows: slice, columns: int) -> "Filed":
        inside = range(len(self))[rows]
        if inside.step != 1:
            raise IndexError("rows one after the other")
        part = copy(self)
        part._first, part.shape = self._first + inside.start, (len(inside), 2, columns)
        return part

    def _read(self, rows: np.ndarray, columns: int) -> np.ndarray:
        out = np.empty((len(rows), 2, columns), np.float32)
        if columns == self._width:
            for start, row, count in runs(rows):
                read_into(out[start : start + count], self._file.number, self._place(row), self._name)
            return out
        for image, row in zip(out, rows.tolist()):
            for part, values in enumerate(image):
                read_into(values, self._file.number, self._place(row) + 4 * part * self._width, self._name)
        return out

    def _place(self, row: int) -> int:
        return 8 * self._width * (self._first + row)
