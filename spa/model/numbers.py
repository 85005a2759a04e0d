"""Numbers of a table that make sense: one NaN or absurd value would spread to every image."""

import numpy as np

from spa.errors import DataError
from spa.model.optics import TableLike

LIMIT = 1e6  # degrees, angstroms, pixels: more is a mistake
_LIMITS = {"rlnCtfBfactor": 1e4}


def sensible(table: TableLike, name: str) -> np.ndarray:
    """The column's numbers; DataError naming the row of one that is not finite or beyond its limit."""
    values, limit = table.floats(name), _LIMITS.get(name, LIMIT)
    bad = np.flatnonzero(~(np.abs(values) <= limit))
    if bad.size:
        raise DataError(f"{table.where} row {bad[0] + 1}: {name} is {table.text(name)[bad[0]]}")
    return values


def sensible_or_zero(table: TableLike, name: str) -> np.ndarray:
    """The same, and zeros where there is no such column."""
    return sensible(table, name) if name in table else np.zeros(len(table))
