"""Gaussian means of a small image as two products of matrices: no scipy, whose import takes longer than the work."""

from functools import lru_cache

import numpy as np

_REACH = 4.0  # standard deviations
_BAND = 96  # rows that are made together, of those about them


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """float32 (ny, nx): an image over a Gaussian window (sigma in pixels), mirrored at its edges."""
    return _down(_down(np.asarray(image, np.float32), float(sigma)).T, float(sigma)).T


def _down(image: np.ndarray, sigma: float) -> np.ndarray:
    """The image over its window along columns, a band of rows at a time."""
    ny, reach = len(image), int(_REACH * sigma + 0.5)
    weights = _weights(ny, sigma)
    out = np.empty(image.shape, np.float32)
    for start in range(0, ny, _BAND):
        rows, about = slice(start, start + _BAND), slice(max(0, start - reach), start + _BAND + reach)
        np.matmul(weights[rows, about], image[about], out=out[rows])
    return out


@lru_cache(maxsize=24)
def _weights(size: int, sigma: float) -> np.ndarray:
    """(size, size) float32: what each pixel takes of each."""
    reach = int(_REACH * sigma + 0.5)
    away = np.arange(-reach, reach + 1)
    taps = np.exp(-0.5 * (away / max(sigma, 1e-9)) ** 2)
    at = (np.arange(size)[:, None] + away) % (2 * size)
    found = np.zeros((size, size))
    rows = np.broadcast_to(np.arange(size)[:, None], at.shape)
    np.add.at(found, (rows, np.where(at < size, at, 2 * size - 1 - at)), np.broadcast_to(taps / taps.sum(), at.shape))
    return found.astype(np.float32)
