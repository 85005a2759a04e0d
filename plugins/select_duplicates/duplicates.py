"""Which particles are the same one picked twice."""

from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from spa.errors import DataError, UsageError
from spa.image.peaks import apart
from spa.io.star import Table
from spa.model.positions import micrograph_pixel_sizes, positions

_SCORE = "rlnAutopickFigureOfMerit"


def survivors(table: Table, optics: Table, distance: float, by: str | None, first: bool) -> np.ndarray:
    """Mask (n,) of the rows that stay; distance in angstroms. DataError: no rows, or a column that is missing."""
    if by and first:
        raise UsageError("--by and --first exclude each other")
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    rank = np.arange(len(table))
    column = by or (_SCORE if _SCORE in table and not first else None)
    if column:
        values = table.floats(column)
        rank = np.lexsort((rank, -np.where(np.isfinite(values), values, -np.inf))).argsort()
    kept = np.zeros(len(table), bool)
    for rows, where in _by_micrograph(table, optics):
        order = np.argsort(rank[rows], kind="stable")
        kept[rows[order[apart(where[order], distance)]]] = True
    return kept


def across_halves(table: Table, optics: Table, distance: float) -> int:
    """Pairs nearer than ``distance`` angstroms of which one is in half 1 and the other in half 2."""
    if "rlnRandomSubset" not in table:
        return 0
    half = table.ints("rlnRandomSubset")
    count = 0
    for rows, where in _by_micrograph(table, optics):
        pairs = cKDTree(where).query_pairs(distance, output_type="ndarray")
        count += int(np.count_nonzero(half[rows[pairs[:, 0]]] != half[rows[pairs[:, 1]]]))
    return count


def _by_micrograph(table: Table, optics: Table) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of each micrograph, and where they lie in it, angstroms (n, 2)."""
    size = micrograph_pixel_sizes(table, optics)
    where = positions(table, size) * size[:, None]
    names, which = np.unique(table.text("rlnMicrographName").astype(str), return_inverse=True)
    order = np.argsort(which, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(which, minlength=len(names)))[:-1]):
        yield rows, where[rows]
