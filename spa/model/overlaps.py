"""Particles that overlap: nearer to each other in a micrograph than a distance, directly or through others."""

import numpy as np

from spa.errors import DataError
from spa.model.optics import TableLike
from spa.model.positions import micrograph_pixel_sizes, positions

NEEDED = ("rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY")


def places(table: TableLike, optics: TableLike) -> np.ndarray | None:
    """(n, 3) number of the micrograph and x, y in angstroms; None where the table does not say where particles are."""
    if not all(name in table for name in NEEDED):
        return None
    try:
        size = micrograph_pixel_sizes(table, optics)
    except DataError:
        return None
    _, micrograph = np.unique(table.text("rlnMicrographName").astype(str), return_inverse=True)
    return np.column_stack([micrograph, positions(table, size) * size[:, None]])


def linked(places: np.ndarray, distance: float) -> np.ndarray:
    """(n,) number of the cluster of each particle: those nearer than ``distance`` angstroms are in one."""
    from scipy.sparse import coo_array  # half a second, in all jobs of particles
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    n = len(places)
    if not n:
        return np.zeros(0, np.int64)
    far = np.ptp(places[:, 1:], axis=0).max()
    apart = places * [2 * (far + distance) + 1, 1, 1]  # micrographs side by side, out of each other's reach
    pairs = cKDTree(apart).query_pairs(distance, output_type="ndarray")
    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(links, directed=False)[1]
