"""Gain references: read, turned as RELION and MotionCor turn them, and made to multiply.

A gain multiplies the frames of TIFF and MRC movies. Of EER movies, a ``.gain`` file multiplies, every other divides: it
is turned into mean / gain, and where it is 0 the pixel is bad. 0 marks bad pixels in all of them.
"""

from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.io import movies, pixels, tiff


def read(path: str | Path, eer: bool = False) -> np.ndarray:
    """A reference (ny, nx) float32 that multiplies frames. MissingInput, ReadError, DataError."""
    path = Path(path)
    if path.suffix.lower() == ".gain":
        with tiff.opened(path) as pages:
            found = tiff.decoded(path, pages[0])[::-1]  # as the camera writes its EER frames, not turned over
    else:
        found = movies.read_image(path)
    if found.ndim != 2 or found.dtype.kind not in "fiu":
        raise DataError(f"{path}: not a gain reference: {' x '.join(map(str, found.shape))} of {found.dtype}")
    gain = found.astype(np.float32)
    pixels.require_finite(gain, str(path))
    if gain.min() < 0:
        raise DataError(f"{path}: not a gain reference: pixels below 0 (as low as {gain.min():g})")
    if not gain.max() > 0:
        raise DataError(f"{path}: not a gain reference: all its pixels are 0")
    return inverted(gain) if divides(path, eer) else gain


def divides(path: str | Path, eer: bool) -> bool:
    """Whether a file is one of those that divide frames, not multiply: of EER movies all but ``.gain``."""
    return eer and Path(path).suffix.lower() != ".gain"


def inverted(gain: np.ndarray) -> np.ndarray:
    """mean / gain, and 0 where the gain is 0."""
    there = gain > 0
    return np.divide(gain[there].mean(dtype=np.float64), gain, out=np.zeros_like(gain), where=there)


def turned(gain: np.ndarray, rotate: int = 0, flip: int = 0) -> np.ndarray:
    """The reference rotated by so many quarter turns, then flipped (0 not, 1 upside down, 2 left to right).

    A quarter turn is clockwise where the first row is shown at the top (relion_display), anticlockwise where it is at
    the bottom (MotionCor): RELION's --gain_rot, MotionCor's -RotGain.
    """
    found = np.rot90(gain, -rotate)
    found = {0: found, 1: found[::-1], 2: found[:, ::-1]}[flip]
    return np.ascontiguousarray(found)


def fitted(gain: np.ndarray, shape: tuple[int, int], path: str | Path) -> np.ndarray:
    """The reference for frames (ny, nx): itself, or each pixel repeated where frames are 2 or 4 times finer.

    DataError naming both shapes.
    """
    if gain.shape == shape:
        return gain
    for times in (2, 4):
        if (gain.shape[0] * times, gain.shape[1] * times) == shape:
            return gain.repeat(times, 0).repeat(times, 1)
    (gy, gx), (ny, nx) = gain.shape, shape
    hint = "; --gain-rotate 1 would make it fit" if (gx, gy) == shape else ""
    raise DataError(f"{path}: a gain of {gx} x {gy} pixels, for frames of {nx} x {ny}{hint}")
