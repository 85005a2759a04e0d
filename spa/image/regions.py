"""Regions of a mask, and how far they reach, without scipy, which takes longer to import than to find them.

Distances go along rows first, then over rows as far as they can matter (Saito & Toriwaki, Pattern Recognit. 27 (1994)
1551).
"""

import numpy as np

from spa.compiled import kernel

_FAR = 2**24  # pixels: beyond all images


def within(mask: np.ndarray, reach: float) -> np.ndarray:
    """Where a mask (ny, nx) is no farther than ``reach`` pixels."""
    return _squares(mask, reach) <= reach**2


def depth(mask: np.ndarray, most: float) -> np.ndarray:
    """(ny, nx) pixels from each place in a mask to the nearest outside of it, ``most`` where that is farther."""
    return np.minimum(np.sqrt(_squares(~mask, most), dtype=np.float64), most)


def _squares(mask: np.ndarray, reach: float) -> np.ndarray:
    """(ny, nx) float32 squared distances to a mask, true where they are no larger than reach squared."""
    best = np.empty(mask.shape, np.float32)
    _fill_squares(_beside(mask), int(min(reach, len(mask) - 1)), np.empty(mask.shape, np.float32), best)
    return best


@kernel("void(i4[:, ::1], i8, f4[:, ::1], f4[:, ::1])", fastmath=True)
def _fill_squares(beside, reach, along, best):  # type: ignore[no-untyped-def]
    """along: to work in. Rows that have nothing of the mask are passed over."""
    ny, nx = beside.shape
    for y in range(ny):
        for x in range(nx):
            step = np.float32(beside[y, x] - x)
            along[y, x] = best[y, x] = step * step
    for y in range(ny):
        if abs(beside[y, 0]) >= _FAR:
            continue
        for other in range(max(0, y - reach), min(ny, y + reach + 1)):
            square = np.float32((other - y) * (other - y))
            for x in range(nx):
                best[other, x] = min(best[other, x], along[y, x] + square)


def _beside(mask: np.ndarray) -> np.ndarray:
    """(ny, nx) int32 the nearest column of each row that is in a mask; one far away where there is none."""
    found = np.empty(mask.shape, np.int32)
    _fill_beside(np.ascontiguousarray(mask, bool).view(np.uint8), found)
    return found


@kernel("void(u1[:, ::1], i4[:, ::1])")
def _fill_beside(mask, found):  # type: ignore[no-untyped-def]
    ny, nx = mask.shape
    for y in range(ny):
        last = -_FAR
        for x in range(nx):
            if mask[y, x]:
                last = x
            found[y, x] = last
        last = 2 * _FAR
        for x in range(nx - 1, -1, -1):
            if mask[y, x]:
                last = x
            if x - found[y, x] > last - x:
                found[y, x] = last


def nearest(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column (ny, nx) of the place of a mask, which has one, that is nearest to each."""
    beside, rows = _beside(mask), np.empty(mask.shape, np.int32)
    _fill_nearest(beside, rows)
    return rows, np.take_along_axis(beside, rows, 0)


@kernel("void(i4[:, ::1], i4[:, ::1])")
def _fill_nearest(beside, rows):  # type: ignore[no-untyped-def]
    """Of rows as near as each other the first is taken."""
    ny, nx = beside.shape
    for y in range(ny):
        for x in range(nx):
            step = np.int64(beside[y, x] - x)
            best, row = step * step, y
            away = np.int64(1)
            while away * away <= best and away < ny:
                for other in (y - away, y + away):
                    if 0 <= other < ny:
                        step = np.int64(beside[other, x] - x)
                        square = step * step + away * away
                        if square < best or (square == best and other < row):
                            best, row = square, other
                away += 1
            rows[y, x] = row


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


def holding(mask: np.ndarray, some: np.ndarray) -> np.ndarray:
    """The regions of a mask (ny, nx) in which something of another one lies."""
    where, number = regions(mask)
    kept = np.zeros(number + 1, bool)
    kept[where[some]] = True
    kept[0] = False
    return kept[where]


def _touching(starts: np.ndarray, ends: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs, start and end in rows of ``step`` laid end to end, of which the second is below the first."""
    first = np.searchsorted(ends, starts + step, "right")
    count = np.maximum(np.searchsorted(starts, ends + step, "left") - first, 0)
    upper = np.repeat(np.arange(len(starts)), count)
    return upper, np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
