"""Maxima of a map: where they are, which are far enough apart, and where they are between the pixels."""

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree


def maxima(scores: np.ndarray, least: float, spacing: float) -> np.ndarray:
    """Rows and columns (n, 2) of local maxima above ``least``, best first, ``spacing`` pixels apart.

    Equal scores keep the order of the pixels, so that the answer does not depend on chance.
    """
    tops = (scores == maximum_filter(scores, size=3, mode="constant", cval=-np.inf)) & (scores > least)
    points = np.argwhere(tops)
    values = scores[tops]
    order = np.argsort(-values, kind="stable")
    return points[order[apart(points[order], spacing)]]


def apart(points: np.ndarray, spacing: float) -> np.ndarray:
    """Indices of points kept when, in the order given, each removes those after it within ``spacing``."""
    if not len(points):
        return np.zeros(0, np.int64)
    if spacing <= 0:
        return np.arange(len(points))
    pairs = cKDTree(points).query_pairs(spacing, output_type="ndarray")
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]  # i < j in every pair
    starts = np.searchsorted(pairs[:, 0], np.arange(len(points) + 1))
    dead = np.zeros(len(points), bool)
    for i in np.flatnonzero(np.diff(starts)):
        if not dead[i]:
            dead[pairs[starts[i] : starts[i + 1], 1]] = True
    return np.flatnonzero(~dead)


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
