"""Views that crowd about few directions, thinned to a limit: what is left fills Fourier space more evenly.

A view and the one from the other side show the same slice, and count as one.
"""

import numpy as np
from scipy.spatial import cKDTree

from spa.volume.sampling import DIVISIONS, cap_for, crowding
from spa.volume.sphere import icosphere


def thinned(
    sight: np.ndarray, operators: np.ndarray, limit: float, better: np.ndarray, kinds: np.ndarray
) -> tuple[np.ndarray, float]:  # fmt: skip
    """Which views (n, 3) stay, and the most that a view's surroundings had, over even views.

    operators (g, 3, 3): of the particle; limit: times what even views would have in as large a cap; better (n,): of
    those about one direction the largest stay; kinds (n,): of each (half-sets) as large a part stays.
    """
    points, _ = icosphere(DIVISIONS)
    density = crowding(sight, operators, cap_for(len(sight)))
    cell = cKDTree(points).query(sight)[1]
    part = np.minimum(1, limit / np.maximum(density, 1e-9))[cell]
    keep = np.ones(len(sight), bool)
    order = np.lexsort((-better, kinds, cell))
    first = np.r_[True, (np.diff(cell[order]) != 0) | (np.diff(kinds[order]) != 0)]
    place = np.arange(len(order)) - np.flatnonzero(first)[np.cumsum(first) - 1]  # among its like, the best first
    whole = np.bincount(np.cumsum(first) - 1)[np.cumsum(first) - 1]
    keep[order] = place < np.round(part[order] * whole)
    return keep, float(density[cell].max())
