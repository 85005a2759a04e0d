"""Optics groups over whole documents: numbered from 1 without gaps, and merged where documents are."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from spa.errors import DataError


def numbered(tables: Any) -> Any:
    """The document (``spa.io.star.Tables``) with its optics groups numbered 1, 2 … in the optics table's order.

    RELION counts from 1, cryoSPARC and some converters from 0. DataError where a row's group is not in the table.
    """
    if "optics" not in tables:
        return tables
    old = tables["optics"].ints("rlnOpticsGroup").tolist()
    if len(set(old)) < len(old):
        raise DataError(f"{tables['optics'].where}: an optics group is there twice")
    return _renumbered(tables, {number: new for new, number in enumerate(old, start=1)})


def merged_optics(documents: Sequence[Any], fill: str | None = None) -> tuple[Any, list[Any]]:
    """One optics table for several documents, and the documents with their rows' groups renumbered to it.

    Groups that agree in all but their number are one. A name that stands for different optics gets a number behind it.
    fill: the value for columns that not all optics tables have (None: DataError).
    """
    columns = list(dict.fromkeys(name for tables in documents for name in tables["optics"].columns))
    seen: dict[tuple, int] = {}
    renumbered = []
    for tables in documents:
        optics = filled(tables["optics"], columns, fill)
        keys = list(zip(*(optics.listed(name) for name in columns if name != "rlnOpticsGroup")))
        numbers = optics.ints("rlnOpticsGroup").tolist()
        renumbered.append(_renumbered(tables, {
            number: seen.setdefault(key, len(seen) + 1) for number, key in zip(numbers, keys)
        }))  # fmt: skip
    names = [name for name in columns if name != "rlnOpticsGroup"]
    values = {name: [key[i] for key in seen] for i, name in enumerate(names)}
    if "rlnOpticsGroupName" in values:
        values["rlnOpticsGroupName"] = _distinct(values["rlnOpticsGroupName"])
    table = documents[0]["optics"].of(**values, rlnOpticsGroup=np.arange(1, len(seen) + 1))
    return table.select(columns), renumbered


def filled(table: Any, columns: Sequence[str], fill: str | None) -> Any:
    """The table with exactly these columns, in this order; what it lacks is ``fill``, or DataError if that is None."""
    lacking = [name for name in columns if name not in table]
    if lacking and fill is None:
        raise DataError(f"{table.where} has no {', '.join(lacking)}, which another table has; --fill gives a value")
    return table.with_columns(**dict.fromkeys(lacking, fill)).select(columns)


def _renumbered(tables: Any, new: dict[int, int]) -> Any:
    for name, table in tables.blocks.items():
        if "rlnOpticsGroup" not in table:
            continue
        old = table.ints("rlnOpticsGroup").tolist()
        lost = next((row for row, number in enumerate(old) if number not in new), None)
        if lost is not None:
            raise DataError(f"{table.where} row {lost + 1}: optics group {old[lost]} is not in data_optics")
        numbers = np.array([new[number] for number in old], np.int64)
        tables = tables.with_block(name, table.with_columns(rlnOpticsGroup=numbers))
    return tables


def _distinct(names: list[str]) -> list[str]:
    taken: set[str] = set()
    result = []
    for name in names:
        unique, number = name, 2
        while unique in taken:
            unique, number = f"{name}_{number}", number + 1
        taken.add(unique)
        result.append(unique)
    return result
