"""Maxima of a map: where they are, which are far enough apart, and where they are between the pixels."""

import numpy as np

_BESIDE = ((0, 1), (1, -1), (1, 0), (1, 1))  # half of the eight cells about one: the others see it themselves


def maxima(scores: np.ndarray, least: float, spacing: float) -> np.ndarray:
    """Rows and columns (n, 2) of local maxima above ``least``, best first, ``spacing`` pixels apart.

    Equal scores keep the order of the pixels, so that the answer does not depend on chance.
    """
    spacing = min(spacing, float(np.hypot(*scores.shape)))  # none are further apart
    high = np.pad(scores, 1, constant_values=-np.inf)
    along = np.maximum(np.maximum(high[:, :-2], high[:, 2:]), high[:, 1:-1])
    tops = (scores >= np.maximum(np.maximum(along[:-2], along[2:]), along[1:-1])) & (scores > least)
    values = scores[tops]
    order = np.argsort(-values, kind="stable")
    points, values = np.argwhere(tops)[order], values[order]
    if spacing < 1 or not len(points):
        return points[apart(points, spacing)]
    kept = _unrivalled(scores, points, values, int(spacing))
    open_ = np.flatnonzero(~_beside(points[kept], spacing, scores.shape)[tuple(points.T)])
    kept[open_[apart(points[open_], spacing)]] = True
    return points[kept]


def _unrivalled(scores: np.ndarray, points: np.ndarray, values: np.ndarray, reach: int) -> np.ndarray:
    """(n,) points, best first, of the largest score in the square about them, and no other's: kept in any case."""
    single = np.ones(len(points), bool)
    same = values[1:] == values[:-1]
    single[1:][same] = single[:-1][same] = False
    return single & (values >= largest_about(scores, reach)[tuple(points.T)])


def largest_about(scores: np.ndarray, reach: int) -> np.ndarray:
    """The largest score (ny, nx) of the square of 2 reach + 1 pixels a side about each."""
    (ny, nx), whole = scores.shape, 2 * reach + 1
    padded = np.full((ny + 2 * reach, nx + 2 * reach), -np.inf, scores.dtype)
    padded[reach : reach + ny, reach : reach + nx] = scores
    found, width = padded, 1
    while 2 * width <= whole:
        found = np.maximum(found[:-width], found[width:])
        width *= 2
    found, width = np.maximum(found[:ny], found[whole - width : whole - width + ny]), 1
    while 2 * width <= whole:
        found = np.maximum(found[:, :-width], found[:, width:])
        width *= 2
    return np.maximum(found[:, :nx], found[:, whole - width : whole - width + nx])


def _beside(points: np.ndarray, distance: float, shape: tuple[int, ...]) -> np.ndarray:
    """Mask of a shape: at most that distance (pixels) from a point (n, 2)."""
    reach = int(distance)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    near_by = y * y + x * x <= distance * distance
    wide = np.zeros((shape[0] + 2 * reach, shape[1] + 2 * reach), bool)
    for row, column in points.tolist():
        wide[row : row + 2 * reach + 1, column : column + 2 * reach + 1] |= near_by
    return wide[reach : reach + shape[0], reach : reach + shape[1]]


def apart(points: np.ndarray, spacing: float) -> np.ndarray:
    """Indices of points kept when, in the order given, each removes those after it within ``spacing``."""
    if not len(points):
        return np.zeros(0, np.int64)
    if spacing <= 0:
        return np.arange(len(points))
    pairs = near(points, spacing)
    kept, open_ = np.zeros(len(points), bool), np.ones(len(points), bool)
    while len(pairs):  # kept for good: those that no point still open comes before
        waits = np.zeros(len(points), bool)
        waits[pairs[:, 1]] = True
        kept |= open_ & ~waits
        open_ &= waits
        open_[pairs[kept[pairs[:, 0]], 1]] = False
        pairs = pairs[open_[pairs].all(axis=1)]
    return np.flatnonzero(kept | open_)


def near(points: np.ndarray, distance: float) -> np.ndarray:
    """Pairs (m, 2) of indices i < j of points (n, 2) that are at most ``distance`` (more than 0) from each other."""
    cells = np.floor((points - points.min(axis=0)) / distance).astype(np.int64) + 1
    width = int(cells[:, 1].max()) + 2
    cell = cells[:, 0] * width + cells[:, 1]
    order = np.argsort(cell, kind="stable")
    cell, first_axis, second_axis = cell[order], *np.ascontiguousarray(points[order].T, np.float64)
    at = np.arange(len(points))
    spans = [(at + 1, np.searchsorted(cell, cell, "right"))]  # of each point, those it is held against: in its cell,
    for down, right in _BESIDE:  # and in those beside it
        spans.append(tuple(np.searchsorted(cell, cell + down * width + right, side) for side in ("left", "right")))
    found = []
    for first, last in spans:
        count = last - first
        one = np.repeat(at, count)
        other = np.arange(len(one)) + np.repeat(first - np.cumsum(count) + count, count)
        between = np.square(first_axis[one] - first_axis[other]) + np.square(second_axis[one] - second_axis[other])
        close = np.flatnonzero(between <= distance * distance)
        found.append(np.stack([order[one[close]], order[other[close]]], axis=1))
    return np.sort(np.concatenate(found), axis=1)


def refined(scores: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (n, 2) float64 moved to the top of a parabola through each and its neighbours, by half a pixel at most."""
    exact = points.astype(np.float64)
    for axis in (0, 1):
        inside = (points[:, axis] > 0) & (points[:, axis] < scores.shape[axis] - 1)
        here = points[inside]
        step = np.zeros(2, np.int64)
        step[axis] = 1
        low, middle, high = (scores[tuple((here + s * step).T)].astype(np.float64) for s in (-1, 0, 1))
        curvature = low - 2 * middle + high
        shift = np.where(curvature < 0, 0.5 * (low - high) / np.where(curvature < 0, curvature, 1), 0)
        exact[inside, axis] += np.clip(shift, -0.5, 0.5)
    return exact
