"""Background of particle images to mean 0 and standard deviation 1, as the likelihood of a refinement assumes."""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=8)
def background(box: int, radius: float) -> np.ndarray:
    """Mask (box, box) of pixels further than ``radius`` pixels from the box centre box//2."""
    offset = np.arange(box) - box // 2
    return np.hypot(offset[:, None], offset[None]) > radius


@lru_cache(maxsize=8)
def _plane(box: int, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """What gives a plane's coefficients from the background's pixels, and the plane's columns over all pixels."""
    y, x = np.mgrid[:box, :box] - box // 2
    columns = np.stack([np.ones(box * box), x.ravel() / box, y.ravel() / box], axis=1)
    return np.linalg.pinv(columns[background(box, radius).ravel()]), columns


def normalised(images: np.ndarray, radius: float, ramp: bool = True) -> np.ndarray:
    """Images (n, box, box) float32 whose background, outside ``radius`` pixels, has mean 0 and sd 1.

    ramp: a plane fitted to the background is subtracted, not its mean alone. An image whose background is constant
    comes back as zeros. As RELION prepares particles (Scheres, J. Struct. Biol. 180 (2012) 519).
    """
    n, box = len(images), images.shape[-1]
    mask = background(box, radius).ravel()
    flat = images.reshape(n, -1).astype(np.float32)
    outside = flat[:, mask].astype(np.float64)
    if ramp:
        solve, columns = _plane(box, radius)
        fitted = outside @ solve.T @ columns.T
    else:
        fitted = outside.mean(axis=1, keepdims=True) * np.ones(box * box)
    outside -= fitted[:, mask]
    level, spread = outside.mean(axis=1, keepdims=True), outside.std(axis=1, keepdims=True)
    least = 1e-9 * np.abs(fitted).max(axis=1, keepdims=True) + 1e-30
    scale = np.where(spread > least, 1 / np.maximum(spread, 1e-300), 0)
    return ((flat - fitted - level) * scale).astype(np.float32).reshape(n, box, box)
