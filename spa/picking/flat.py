"""Raw micrographs made fit to work on: without repeated borders and hot pixels; their smooth background."""

import numpy as np

from spa.errors import DataError
from spa.image.quantiles import median, quantiles

_BLOCKS = 8  # to a standard deviation of the window
_REPEATED = 0.1  # of the usual difference between neighbouring lines: a border that is a copy of its neighbour


def inside(image: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is left without borders whose lines repeat each other."""
    limits: list[int] = []
    for lines in (image, image.T):
        thin = lines[:, :: max(1, lines.shape[1] // 256)].astype(np.float32)
        change = np.abs(np.diff(thin, axis=0)).mean(axis=1)
        runs = _runs(change <= _REPEATED * median(change))
        middle = len(lines) // 2
        limits.append(max((end for _, end in runs if end <= middle), default=0))
        limits.append(min((start + 1 for start, _ in runs if start >= middle), default=len(lines)))
    if limits[1] - limits[0] < len(image) / 2 or limits[3] - limits[2] < image.shape[1] / 2:
        return 0, image.shape[0], 0, image.shape[1]
    return limits[0], limits[1], limits[2], limits[3]


def _runs(marks: np.ndarray, least: int = 4) -> list[tuple[int, int]]:
    """Start and end of the runs of at least ``least`` true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= least]


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
