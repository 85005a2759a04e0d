"""Background of particle images to mean 0 and standard deviation 1, as the likelihood of a refinement assumes."""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=8)
def background(box: int, radius: float) -> np.ndarray:
    """Mask (box, box) of pixels further than ``radius`` pixels from the box centre box//2."""
    offset = np.arange(box) - box // 2
    return np.hypot(offset[:, None], offset[None]) > radius


@lru_cache(maxsize=8)
def _plane(box: int, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the background is in a flat image, what gives a plane's coefficients from its pixels, and the plane's
    steps along an axis (box,)."""
    steps = (np.arange(box) - box // 2) / box
    columns = np.stack([np.ones(box * box), np.tile(steps, box), np.repeat(steps, box)], axis=1)
    mask = background(box, radius).ravel()
    return np.flatnonzero(mask), np.linalg.pinv(columns[mask]), steps


def normalised(images: np.ndarray, radius: float, ramp: bool = True) -> np.ndarray:
    """Images (n, box, box) float32 whose background, outside ``radius`` pixels, has mean 0 and sd 1.

    ramp: a plane fitted to the background is subtracted, not its mean alone. An image whose background is constant
    comes back as zeros. As RELION prepares particles (Scheres, J. Struct. Biol. 180 (2012) 519).
    """
    box = images.shape[-1]
    there, solve, steps = _plane(box, radius)
    out = np.empty(images.shape, np.float32)
    for image, target in zip(images, out):  # one fits the cache
        seen = image.ravel()[there].astype(np.float64)
        level, along_x, along_y = solve @ seen if ramp else (seen.mean(), 0.0, 0.0)
        fitted = level + along_x * steps + along_y * steps[:, None]
        seen -= fitted.ravel()[there]
        spread, least = seen.std(), 1e-9 * np.abs(fitted).max() + 1e-30
        fitted += seen.mean()
        np.subtract(image, fitted, out=fitted)
        np.multiply(fitted, 1 / spread if spread > least else 0.0, out=target, casting="same_kind")
    return out
