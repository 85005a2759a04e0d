"""TIFF files: plain ones as `spa.io.directory` reads them, others by tifffile, whose complaints become errors.

The only module that imports it.

Rows of a TIFF run from the top; images come with the last row first, as RELION and IMOD read them.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import ReadError, SpaError, missing
from spa.io import directory

_heard = threading.local()


@lru_cache
def _library() -> Any:
    """Tifffile; what it logs in a thread is kept there: that is how it says that a file is cut short."""
    import logging

    import tifffile

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            getattr(_heard, "lines", []).append(record.getMessage())

    logger = logging.getLogger("tifffile")
    logger.addHandler(Listener())
    logger.propagate = False
    return tifffile


@contextmanager
def opened(path: str | Path) -> Iterator[list[Any]]:
    """The pages of a TIFF, all of whose bytes are there. MissingInput, ReadError (truncated, damaged, none)."""
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        raise missing(path) from None
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror or error}") from None
    with file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise ReadError(f"{path}: an empty file")
        plain = directory.pages(file)
        if plain:
            _require_bytes(path, plain, size)
            yield plain
            return
    with _opened_by_library(path) as pages:
        yield pages


@contextmanager
def _opened_by_library(path: str | Path) -> Iterator[list[Any]]:
    library = _library()
    _heard.lines = []
    try:
        with library.TiffFile(path) as file:
            pages = list(file.pages)
            if _heard.lines:
                raise ReadError(f"{path}: truncated or damaged after {len(pages)} frames")
            if not pages:
                raise ReadError(f"{path}: no image in it")
            _require_bytes(path, pages, file.filehandle.size)
            yield pages
    except SpaError:
        raise
    except FileNotFoundError:
        raise missing(path) from None
    except library.TiffFileError as error:
        raise ReadError(f"{path}: not a whole TIFF: {error}") from None
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror or error}") from None


def _require_bytes(path: str | Path, pages: list[Any], size: int) -> None:
    for number, page in enumerate(pages, 1):
        ends = [at + length for at, length in zip(page.dataoffsets, page.databytecounts)]
        if not ends or max(ends) > size:
            raise ReadError(f"{path}: truncated: frame {number} of {len(pages)} ends beyond the file's {size} bytes")


def decoded(path: str | Path, page: Any, number: int = 1) -> np.ndarray:
    """The pixels (ny, nx) of a page, last row first. ReadError where they cannot be decoded."""
    try:
        image = _of_strips(page)
        return (_by_library(path, page, number) if image is None else image)[::-1]
    except Exception as error:  # a decoder raises what it likes
        raise ReadError(f"{path}: frame {number} cannot be decoded: {error}") from None


def _by_library(path: str | Path, page: Any, number: int) -> np.ndarray:
    if isinstance(page, directory.Page):
        with _library().TiffFile(path) as file:
            return np.asarray(file.pages[number - 1].asarray(maxworkers=1))
    return np.asarray(page.asarray(maxworkers=1))


def _of_strips(page: Any) -> np.ndarray | None:
    """The pixels of a plain page; None: the library's to decode, or to refuse."""
    if not isinstance(page, directory.Page):
        return None
    from spa.io import lzw  # compiled: only where it is needed

    if not lzw.is_new_style(_strip(page, 0, 2)):
        return None
    row = page.shape[1] * page.dtype.itemsize
    pixels = np.empty(page.shape[0] * row + lzw.SPARE, np.uint8)
    for strip, count in enumerate(page.databytecounts):
        first = strip * page.rowsperstrip * row
        last = min((strip + 1) * page.rowsperstrip, page.shape[0]) * row
        if not lzw.decoded(_strip(page, strip, count), pixels[first : last + lzw.SPARE]):
            return None
    image = pixels[: -lzw.SPARE].view(page.dtype).reshape(page.shape)
    return image if page.dtype.isnative else image.astype(page.dtype.newbyteorder("="))


def _strip(page: directory.Page, strip: int, count: int) -> bytes:
    page.file.seek(page.dataoffsets[strip])
    return page.file.read(count)


def write(path: str | Path, frames: Iterator[np.ndarray], compression: str = "lzw") -> None:
    """Write frames (ny, nx), last row first; compression: lzw, deflate, zstd or none."""
    with _library().TiffWriter(path) as file:
        for frame in frames:
            kind = None if compression == "none" else compression
            file.write(frame[::-1], compression=kind, photometric="minisblack", metadata=None)
