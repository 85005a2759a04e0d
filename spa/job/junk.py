"""Masks of junk beside micrographs: 1 where nothing should be picked, in pixels of their own."""

import numpy as np

from spa.errors import DataError
from spa.image.blocks import block_of
from spa.io import mrc

COLUMN = "spaJunkMask"
"""The column of ``data_micrographs`` that names the mask."""


def clear(path: str, shape: tuple[int, int], points: np.ndarray) -> np.ndarray:
    """(n,) True for points (n, 2), x and y in pixels of a micrograph of ``shape``, that are not on its mask."""
    mask = read(path, shape)
    x, y = (block_of(points[:, axis], shape[1 - axis], mask.shape[1 - axis]) for axis in (0, 1))
    return np.asarray(mask[y, x] == 0)


def read(path: str, shape: tuple[int, int]) -> np.ndarray:
    """The mask of a micrograph of ``shape``, binned by a whole number: not 0 on junk. DataError for another shape."""
    mask = mrc.read(path).data
    if mask.ndim != 2 or not all(mask.shape) or shape[0] // mask.shape[0] != shape[1] // mask.shape[1]:
        raise DataError(f"{path}: a mask of {mask.shape} for a micrograph of {shape} (rows, columns)")
    return np.asarray(mask)
