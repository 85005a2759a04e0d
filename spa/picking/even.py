"""A working image made even: local mean 0 and standard deviation 1, junk without a say."""

import numpy as np

from spa.image.quantiles import median
from spa.picking.flat import smoothed

_CLIP = 4.0  # standard deviations
_RIDGE = 0.05  # of the window's variance: a slope is not told by what lies along one line


def even(image: np.ndarray, width: float, clear: np.ndarray | None = None) -> np.ndarray:
    """Local mean 0 and sd 1 over Gaussian windows (sigma in pixels: width, twice the width).

    What is not clear (ny, nx) has no say in either, and noise, always the same, in its place. Beside it the mean is the
    plane's through what is clear: the ground slopes there, and what lies to one side alone would leave a ridge, which
    scores as particles do.
    """
    if clear is not None and clear.any():
        return _even_where(image, width, clear)
    image = image - smoothed(image, width)
    image = _clipped_to(image, np.sqrt(np.maximum(smoothed(image**2, 2 * width), 0)))
    return image - image.mean(dtype=np.float64).astype(np.float32)


def _even_where(image: np.ndarray, width: float, clear: np.ndarray) -> np.ndarray:
    share = clear.astype(np.float32)
    image = (image - _plane_where(image, share, width)) * share
    image = _clipped_to(image, np.sqrt(np.maximum(_mean_where(image**2, share, 2 * width), 0)))
    image -= image[clear].mean(dtype=np.float64).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal(image.shape, np.float32)
    return np.where(clear, image, image[clear].std() * noise)


def _plane_where(image: np.ndarray, share: np.ndarray, width: float) -> np.ndarray:
    """At each place the plane through what counts (0 or 1) about it: local linear regression, whose error at an edge is
    of the second order, where a mean's is of the first (Fan, J. Am. Stat. Assoc. 87 (1992) 998)."""
    y, x = (((np.arange(n) - n / 2) / width).astype(np.float32) for n in image.shape)
    y, x = y[:, None] * np.ones_like(x), x * np.ones_like(y)[:, None]
    whole = np.maximum(smoothed(share, width), np.float32(1e-3)).astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return smoothed(values * share, width) / whole

    level, y0, x0 = mean(image), mean(y), mean(x)
    yy, xx, yx = mean(y * y) - y0**2 + _RIDGE, mean(x * x) - x0**2 + _RIDGE, mean(y * x) - y0 * x0
    iy, ix = mean(image * y) - level * y0, mean(image * x) - level * x0
    slopes = (iy * xx - ix * yx) * (y - y0) + (ix * yy - iy * yx) * (x - x0)
    return (level + slopes / (yy * xx - yx**2)).astype(np.float32)


def _mean_where(image: np.ndarray, share: np.ndarray, width: float) -> np.ndarray:
    """Local mean of an image over what of it counts (0 or 1)."""
    return smoothed(image * share, width) / np.maximum(smoothed(share, width), np.float32(1e-3))


def _clipped_to(image: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.clip(image / np.maximum(spread, 0.3 * median(spread) + 1e-20), -_CLIP, _CLIP)
