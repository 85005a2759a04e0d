"""Borders of micrographs in which there is nothing: lines that repeat one another, or have one value."""

import numpy as np

from spa.image.quantiles import median

_REPEATED = 0.1  # of the usual difference between neighbouring lines: a border that is a copy of its neighbour


def inside(image: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is left without borders whose lines repeat each other; of lines of one value
    none is left."""
    limits: list[int] = []
    for lines in (image, image.T):
        thin = lines[:, :: max(1, lines.shape[1] // 256)].astype(np.float32)
        change = np.abs(np.diff(thin, axis=0)).mean(axis=1)
        runs = _runs(change <= _REPEATED * median(change))
        middle = len(lines) // 2
        first = max((end for _, end in runs if end <= middle), default=0)
        last = min((start for start, _ in runs if start >= middle), default=len(lines) - 1)
        limits += [first + _even(thin[first]), last + 1 - _even(thin[last])]
    if limits[1] - limits[0] < len(image) / 2 or limits[3] - limits[2] < image.shape[1] / 2:
        return 0, image.shape[0], 0, image.shape[1]
    return limits[0], limits[1], limits[2], limits[3]


def _even(line: np.ndarray) -> bool:
    return bool(line.min() == line.max())


def _runs(marks: np.ndarray, least: int = 4) -> list[tuple[int, int]]:
    """Start and end of the runs of at least ``least`` true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= least]


def mirrored(image: np.ndarray) -> np.ndarray:
    """The image (ny, nx) with its inside mirrored out over such borders."""
    top, bottom, left, right = inside(image)
    ny, nx = image.shape
    if (top, bottom, left, right) == (0, ny, 0, nx):
        return image
    return np.pad(image[top:bottom, left:right], ((top, ny - bottom), (left, nx - right)), mode="symmetric")
