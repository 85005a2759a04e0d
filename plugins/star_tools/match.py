"""Rows of two tables that are the same thing."""

from collections.abc import Sequence

import numpy as np

from spa.errors import DataError
from spa.io.stacks import parse_name
from spa.io.star import Table

COORDINATES = ("rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY")
_WHOLE_KEYS = (("rlnImageName",), COORDINATES, ("rlnMicrographName",), ("rlnMicrographMovieName",))


def default_keys(left: Table, right: Table) -> tuple[str, ...]:
    """The columns that tell rows apart in both: the image name, or micrograph and coordinates, or the micrograph."""
    for keys in _WHOLE_KEYS:
        if all(key in left and key in right for key in keys):
            return keys
    raise DataError(f"{left.where} and {right.where} have no image, coordinates or micrograph in common; say --on")


def partners(left: Table, right: Table, keys: Sequence[str], basename: bool = False) -> np.ndarray:
    """For each row of ``left`` the row of ``right`` with the same keys, -1 where there is none.

    Image numbers agree whatever their zeros (``1@a`` is ``000001@a``), coordinates when they round to the same 0.01,
    other numbers by value, other text exactly. basename: paths agree by their last part. DataError where ``right``
    has a key twice.
    """
    row_of: dict[tuple, int] = {}
    for row, key in enumerate(_keys(right, keys, basename)):
        if key in row_of:
            raise DataError(f"{right.where} rows {row_of[key] + 1} and {row + 1} have the same {' and '.join(keys)}")
        row_of[key] = row
    return np.array([row_of.get(key, -1) for key in _keys(left, keys, basename)], np.int64)


def _keys(table: Table, names: Sequence[str], basename: bool) -> list[tuple]:
    return list(zip(*(_comparable(table, name, basename) for name in names)))


def _comparable(table: Table, name: str, basename: bool) -> list:
    values = table.listed(name)
    if name.endswith("Name"):
        parsed = [parse_name(value) if "@" in value else (-1, value) for value in values]
        return [(index, path.rsplit("/", 1)[-1] if basename else path) for index, path in parsed]
    try:
        numbers = table.floats(name)
    except DataError:
        return values
    if "Coordinate" in name:
        return np.round(numbers * 100).tolist()
    # a float cannot tell 64-bit identifiers apart
    return [number if abs(number) < 2**53 else value for number, value in zip(numbers.tolist(), values)]
