"""Masks of junk beside micrographs: 1 where nothing should be picked, in pixels of their own."""

import numpy as np

from spa.errors import DataError
from spa.io import mrc

COLUMN = "spaJunkMask"
"""The column of ``data_micrographs`` that names the mask."""


def clear(path: str, shape: tuple[int, int], points: np.ndarray) -> np.ndarray:
    """(n,) True for points (n, 2), x and y in pixels of a micrograph of ``shape``, that are not on its mask.

    A mask is the micrograph binned by a whole number; what is left over at the far edges is as its neighbour.
    """
    mask = mrc.read(path).data
    if mask.ndim != 2 or not all(mask.shape) or shape[0] // mask.shape[0] != shape[1] // mask.shape[1]:
        raise DataError(f"{path}: a mask of {mask.shape} for a micrograph of {shape} (rows, columns)")
    place = ((np.asarray(points) + 0.5) // (shape[0] // mask.shape[0])).astype(int)
    x, y = (np.clip(place[:, axis], 0, mask.shape[1 - axis] - 1) for axis in (0, 1))
    return np.asarray(mask[y, x] == 0)
