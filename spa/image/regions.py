"""Regions of a mask, and how far they reach, in numpy: scipy takes longer to import than to find them in a small image.

Distances go along rows first, then over rows as far as they can matter (Saito & Toriwaki, Pattern Recognit. 27 (1994)
1551).
"""

import numpy as np

_FAR = 2**24  # pixels: beyond all images


def within(mask: np.ndarray, reach: float) -> np.ndarray:
    """Where a mask (ny, nx) is no farther than ``reach`` pixels."""
    return _squares(mask, reach) <= reach**2


def depth(mask: np.ndarray, most: float) -> np.ndarray:
    """(ny, nx) pixels from each place in a mask to the nearest outside of it, ``most`` where that is farther."""
    return np.minimum(np.sqrt(_squares(~mask, most)), most)


def _squares(mask: np.ndarray, reach: float) -> np.ndarray:
    """(ny, nx) squared distances to a mask, true where they are no larger than reach squared."""
    rows = int(min(reach, len(mask) - 1))
    along = np.abs(_beside(mask) - np.arange(mask.shape[1])).astype(np.int64) ** 2
    best = along.copy()
    for dy in range(1, rows + 1):
        np.minimum(best[dy:], along[:-dy] + dy * dy, out=best[dy:])
        np.minimum(best[:-dy], along[dy:] + dy * dy, out=best[:-dy])
    return best


def _beside(mask: np.ndarray) -> np.ndarray:
    """(ny, nx) the nearest column of each row that is in a mask; one far away where there is none."""
    columns = np.arange(mask.shape[1])
    left = np.maximum.accumulate(np.where(mask, columns, -_FAR), axis=1)
    right = np.minimum.accumulate(np.where(mask, columns, _FAR)[:, ::-1], axis=1)[:, ::-1]
    return np.where(columns - left <= right - columns, left, right)


def nearest(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column (ny, nx) of the place of a mask, which has one, that is nearest to each."""
    ny, nx = mask.shape
    beside, rows = _beside(mask), np.arange(ny)[:, None]
    told = (beside - np.arange(nx)).astype(np.int64) ** 2 * ny + rows  # the squared distance, and then the row
    best = told.copy()
    for dy in range(1, ny):
        step = dy * dy * ny
        if step > best.max():
            break
        np.minimum(best[dy:], told[:-dy] + step, out=best[dy:])
        np.minimum(best[:-dy], told[dy:] + step, out=best[:-dy])
    there = best % ny
    return there, beside[there, np.arange(nx)]


def regions(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Regions of a mask (ny, nx) whose pixels share sides, numbered from 1, 0 outside; and how many there are."""
    ny, nx = mask.shape
    wide = np.zeros((ny, nx + 2), np.int8)
    wide[:, 1:-1] = mask
    edges = np.diff(wide, axis=1).ravel()  # nx + 1 a row: runs of two rows never touch
    starts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    upper, lower = _touching(starts, ends, nx + 1)
    parent = np.arange(len(starts))
    while True:
        a, b = parent[upper], parent[lower]
        before = parent.copy()
        np.minimum.at(parent, np.maximum(a, b), np.minimum(a, b))
        while (parent[parent] != parent).any():
            parent = parent[parent]
        if (parent == before).all():
            break
    roots, number = np.unique(parent, return_inverse=True)
    steps = np.zeros(ny * (nx + 1) + 1, np.int64)
    steps[starts] += number + 1
    steps[ends] -= number + 1
    return np.cumsum(steps[:-1]).reshape(ny, nx + 1)[:, :nx], len(roots)


def _touching(starts: np.ndarray, ends: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs, start and end in rows of ``step`` laid end to end, of which the second is below the first."""
    first = np.searchsorted(ends, starts + step, "right")
    count = np.maximum(np.searchsorted(starts, ends + step, "left") - first, 0)
    upper = np.repeat(np.arange(len(starts)), count)
    return upper, np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
