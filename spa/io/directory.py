"""What a TIFF of plain grey images says of them, read without a library, whose import takes longer than a movie's sum.

Plain: whole numbers or floats, one a pixel, in strips of LZW, as cameras write movies. Source: TIFF 6.0 (1992),
section 2, and BigTIFF's eight-byte offsets.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

LZW = 5  # TIFF's number of it
_KINDS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_PLAIN = {259: LZW, 266: 1, 277: 1, 317: 1}  # compression, order of bits, numbers a pixel, predictor
_WIDTH, _LENGTH, _BITS, _PHOTOMETRIC, _OFFSETS, _ROWS, _COUNTS, _FORMAT = 256, 257, 258, 262, 273, 278, 279, 339
_TILES, _DEPTH = 322, 32997
_FORMATS = {1: "u", 2: "i", 3: "f"}
_TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f4")


@dataclass(frozen=True)
class Page:
    """One image (ny, nx): the type of its pixels as they lie in the file; where its strips begin, their bytes, their
    rows."""

    shape: tuple[int, int]
    dtype: np.dtype
    dataoffsets: tuple[int, ...]
    databytecounts: tuple[int, ...]
    rowsperstrip: int
    file: BinaryIO


def pages(file: BinaryIO) -> list[Page] | None:
    """The images of an open TIFF; None where one is not plain, or its directory is not whole: the library's to read."""
    try:
        return [_page(entries, order, file) for entries, order in _directories(file)]
    except (ValueError, KeyError, IndexError, OSError, struct.error):
        return None


def _directories(file: BinaryIO) -> Iterator[tuple[dict[int, tuple[int, ...]], str]]:
    """What stands in each directory by its tag, and the order of bytes."""
    head = _bytes(file, 0, 16)
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    big = {42: False, 43: True}[struct.unpack(order + "H", head[2:4])[0]]
    word = order + ("Q" if big else "I")
    at = struct.unpack(word, head[8:16] if big else head[4:8])[0]
    seen = set()
    while at:
        if at in seen:
            raise ValueError("directories in a circle")
        seen.add(at)
        count = struct.unpack(order + ("Q" if big else "H"), _bytes(file, at, 8 if big else 2))[0]
        at += 8 if big else 2
        size, room = (20, 8) if big else (12, 4)
        if count > 4096:
            raise ValueError("no directory")
        raw = _bytes(file, at, count * size + room)
        entries = {}
        for start in range(0, count * size, size):
            tag, kind = struct.unpack(order + "HH", raw[start : start + 4])
            many = struct.unpack(word, raw[start + 4 : start + 4 + room])[0]
            if kind not in _KINDS:
                continue
            form, value = f"{order}{many}{_KINDS[kind]}", raw[start + 4 + room : start + size]
            length = struct.calcsize(form)
            if length > room:
                value = _bytes(file, struct.unpack(word, value)[0], length)
            entries[tag] = struct.unpack(form, value[:length])
        at = struct.unpack(word, raw[count * size :])[0]
        yield entries, order


def _bytes(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    found = file.read(length)
    if len(found) != length:
        raise ValueError("not whole")
    return found


def _page(entries: dict[int, tuple[int, ...]], order: str, file: BinaryIO) -> Page:
    """ValueError, KeyError, IndexError where it is not plain."""
    others = {266: (1,), 277: (1,), 317: (1,), _FORMAT: (1,), _ROWS: (2**32 - 1,)}
    said = others | entries
    bits, rows = said[_BITS], said[_ROWS][0]
    kind = f"{_FORMATS[said[_FORMAT][0]]}{bits[0] // 8}"
    plain = all(said[tag] == (value,) for tag, value in _PLAIN.items()) and said[_PHOTOMETRIC][0] in (0, 1)
    if not plain or bits[0] % 8 or kind not in _TYPES or _TILES in said or said.get(_DEPTH, (1,)) != (1,):
        raise ValueError("not plain")
    ny, nx = said[_LENGTH][0], said[_WIDTH][0]
    rows = min(rows, ny)
    if min(ny, nx, rows) < 1 or not len(said[_OFFSETS]) == len(said[_COUNTS]) == -(-ny // rows):
        raise ValueError("strips do not make the image")
    return Page((ny, nx), np.dtype(order + kind), said[_OFFSETS], said[_COUNTS], rows, file)
