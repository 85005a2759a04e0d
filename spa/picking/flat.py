"""Raw micrographs made fit to work on: without extremes; their smooth background."""

import numpy as np

from spa.errors import DataError
from spa.image.quantiles import quantiles

_BLOCKS = 8  # to a standard deviation of the window


def clipped(image: np.ndarray) -> np.ndarray:
    """Mean removed, the extreme 1 in 2000 pixels on either side clipped."""
    sample = image.ravel()[:: max(1, image.size // 100_000)]
    low, high = quantiles(sample, (0.0005, 0.9995)).astype(np.float32)
    if not high > low:
        raise DataError("nothing in this micrograph: its pixels are all equal (but for some single ones)")
    image = np.clip(image, low, high)
    image -= image.mean(dtype=np.float64).astype(np.float32)
    return image


def smoothed(image: np.ndarray, sigma: float) -> np.ndarray:
    """Mean over a window that three box filters make nearly Gaussian; only pixels inside the image count."""
    half = int(round(2 * sigma)) // 2
    total = image
    for n in image.shape:  # along columns, then along rows
        total = (_thrice(total, half) / _thrice(np.ones((n, 1)), half)).T
    return total.astype(np.float32)


def _thrice(values: np.ndarray, half: int) -> np.ndarray:
    """Sums (float64) over 2 half + 1 down the columns, of 0 outside, three times over."""
    values = np.array(values, np.float64, order="C")
    sums = np.zeros((len(values) + 2 * half + 1, values.shape[1]))
    for _ in range(3):
        np.cumsum(values, axis=0, out=sums[half + 1 : len(sums) - half])
        sums[len(sums) - half :] = sums[len(sums) - half - 1]
        np.subtract(sums[2 * half + 1 :], sums[: len(values)], out=values)
    return values


def background(image: np.ndarray, sigma: float) -> np.ndarray:
    """`smoothed` for the eye, at a small part of the cost: of means over blocks, with straight lines between them."""
    step = int(sigma / _BLOCKS)
    if step < 2:
        return smoothed(image, sigma)
    starts = [np.arange(0, n, step) for n in image.shape]
    sizes = [np.diff(start, append=n) for start, n in zip(starts, image.shape)]
    sums = np.add.reduceat(np.add.reduceat(image, starts[0], axis=0), starts[1], axis=1)
    means = smoothed((sums / np.outer(*sizes)).astype(np.float32), sigma / step)
    rows, columns = (_between(n, a + (b - 1) / 2) for n, a, b in zip(image.shape, starts, sizes))
    return rows @ means @ columns.T


def _between(n: int, places: np.ndarray) -> np.ndarray:
    """float32 (n, m): what interpolates values at m places linearly to 0 ... n - 1."""
    at = np.interp(np.arange(n), places, np.arange(len(places)))
    left = np.minimum(at.astype(int), max(0, len(places) - 2))
    weights = np.zeros((n, len(places)), np.float32)
    weights[np.arange(n), left] = 1 - (at - left)
    weights[np.arange(n), np.minimum(left + 1, len(places) - 1)] += at - left
    return weights
