"""Raw micrographs made fit to work on: without extremes; their smooth background."""

from functools import lru_cache

import numpy as np

from spa.compiled import kernel
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
        total = (_thrice(total, half) / _counted(n, half)).T
    return total.astype(np.float32)


@lru_cache(maxsize=16)
def _counted(n: int, half: int) -> np.ndarray:
    """(n, 1) what `_thrice` makes of 1."""
    return _thrice(np.ones((n, 1)), half)


def _thrice(values: np.ndarray, half: int) -> np.ndarray:
    """Sums (float64) over 2 half + 1 down the columns, of 0 outside, three times over."""
    values = np.array(values, np.float64, order="C")
    out = np.empty_like(values)
    _sum_thrice(values, half, np.empty(values.shape[1]), out)
    return out


@kernel("void(f8[:, ::1], i8, f8[::1], f8[:, ::1])")
def _sum_thrice(values, half, total, out):  # type: ignore[no-untyped-def]
    """total: to work in, as values are."""
    ny, nx = values.shape
    for turn in range(3):
        source, target = (values, out) if turn % 2 == 0 else (out, values)
        total[:] = 0
        for y in range(min(half, ny)):
            for x in range(nx):
                total[x] += source[y, x]
        for y in range(ny):
            if y + half < ny:
                for x in range(nx):
                    total[x] += source[y + half, x]
            for x in range(nx):
                target[y, x] = total[x]
            if y - half >= 0:
                for x in range(nx):
                    total[x] -= source[y - half, x]


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
