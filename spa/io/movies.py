"""Movies: frames of TIFF, MRC and EER files, one after another, never all at once.

Frames of a TIFF are turned over on reading (`spa.io.tiff`), so that gain references, defects and coordinates mean what
they mean in RELION. MRC and EER are read as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.errors import DataError, missing
from spa.io import mrc, tiff

if TYPE_CHECKING:
    from spa.io import eer

TIFF, EER = (".tif", ".tiff"), (".eer",)
MRC = (".mrc", ".mrcs", ".st", ".bz2", ".gz")
ENDINGS = (*TIFF, *MRC, *EER)


@dataclass(frozen=True, eq=False)
class Movie:
    """count frames of (ny, nx) pixels of one type; pixel_size in angstroms, 0 where the file does not say."""

    path: Path
    count: int
    shape: tuple[int, int]
    dtype: np.dtype
    pixel_size: float = 0.0
    events: "eer.Events | None" = None

    @property
    def bytes(self) -> int:
        """What all frames take, as they are."""
        return self.count * self.shape[0] * self.shape[1] * self.dtype.itemsize

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[np.ndarray]:
        """Frames first to last (exclusive) in order, each (ny, nx). ReadError where one cannot be decoded."""
        numbers = range(self.count)[first:last]
        if self.events is not None:
            yield from (self.events.frame(number) for number in numbers)
        elif self.path.suffix.lower() in TIFF:
            with tiff.opened(self.path) as pages:
                yield from (tiff.decoded(self.path, pages[number], number + 1) for number in numbers)
        else:
            data = mrc.read(self.path).data
            yield from (data[number] for number in numbers)


def read(path: str | Path, eer_fraction: int = 32, eer_upsample: int = 1) -> Movie:
    """What is in a movie, all its bytes accounted for, no pixel decoded.

    eer_fraction: frames of the camera that make one; eer_upsample: pixels for each of the camera's, along a side.
    MissingInput; ReadError (truncated, unknown); DataError (one frame, frames that differ).
    """
    path = Path(path)
    ending = path.suffix.lower()
    if not path.exists():
        raise missing(path)
    if ending in MRC:
        movie = _mrc(path)
    elif ending in EER:
        from spa.io import eer  # compiled: only where it is needed

        events = eer.read(path, eer_fraction, eer_upsample)
        movie = Movie(path, events.count, events.shape, events.dtype, 0.0, events)
    elif ending in TIFF:
        movie = _tiff(path)
    else:
        raise DataError(f"{path}: a movie's name ends in {', '.join(ENDINGS)}")
    if movie.count < 2:
        raise DataError(f"{path}: one frame in it, where a movie is wanted")
    return movie


def _mrc(path: Path) -> Movie:
    header = mrc.read_header(path)
    if header.mode == 4:
        raise DataError(f"{path}: a transform (mode 4), not a movie")
    return Movie(path, header.shape[0], header.shape[1:], header.dtype, header.pixel_size)


def _tiff(path: Path) -> Movie:
    with tiff.opened(path) as pages:
        first = pages[0]
        for number, page in enumerate(pages, 1):
            if page.shape != first.shape or page.dtype != first.dtype:
                raise DataError(f"{path}: frame {number} is {_words(page)}, the first {_words(first)}")
        if len(first.shape) != 2 or first.dtype is None:
            raise DataError(f"{path}: {_words(first)}: a movie has one number a pixel")
        return Movie(path, len(pages), first.shape, np.dtype(first.dtype))


def _words(page: Any) -> str:
    return f"{' x '.join(map(str, page.shape[::-1]))} pixels of {page.dtype}"


def read_image(path: str | Path) -> np.ndarray:
    """One image (ny, nx) of an MRC or TIFF file, read as a movie's frames are."""
    path = Path(path)
    if path.suffix.lower() in TIFF:
        with tiff.opened(path) as pages:
            return tiff.decoded(path, pages[0])
    if path.suffix.lower() not in MRC:
        raise DataError(f"{path}: an image's name ends in {', '.join((*TIFF, *MRC))}")
    data = mrc.read(path).data
    if data.ndim == 3:
        raise DataError(f"{path}: {len(data)} images in it, where one is wanted")
    return np.asarray(data)
