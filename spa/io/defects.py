"""Defects of a camera: a list of rectangles, or a map."""

from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.io import movies
from spa.io.lines import lines

_WANTED = "a list of defects (x y w h a line), nor a map in MRC or TIFF"


def read(path: str | Path, shape: tuple[int, int]) -> np.ndarray:
    """Mask (ny, nx) of the bad pixels of frames of that shape.

    A text has ``x y w h`` a line (pixels from 0: the corner, then the size), as RELION and MotionCor take it; an MRC or
    TIFF image is a map whose bad pixels are not 0. MissingInput, ReadError, DataError naming the line.
    """
    path = Path(path)
    if path.suffix.lower() in (*movies.TIFF, *movies.MRC):
        found = movies.read_image(path) != 0
        if found.shape != shape:
            (gy, gx), (ny, nx) = found.shape, shape
            raise DataError(f"{path}: a defect map of {gx} x {gy} pixels, for frames of {nx} x {ny}")
        return found
    bad = np.zeros(shape, bool)
    for number, line in enumerate(lines(path, _WANTED), 1):
        words = line.split("#")[0].split()
        if words:
            x, y, width, height = _rectangle(words, f"{path}: line {number}", shape)
            bad[y : y + height, x : x + width] = True
    return bad


def _rectangle(words: list[str], where: str, shape: tuple[int, int]) -> tuple[int, ...]:
    try:
        x, y, width, height = map(int, words)
    except ValueError:
        raise DataError(f"{where}: x y w h are wanted, whole numbers, not {' '.join(words)!r}") from None
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > shape[1] or y + height > shape[0]:
        raise DataError(f"{where}: {' '.join(words)} is not within frames of {shape[1]} x {shape[0]} pixels")
    return x, y, width, height
