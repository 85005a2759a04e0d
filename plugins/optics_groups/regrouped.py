"""New optics groups for the rows of a document, and the optics table that goes with them."""

import re
from dataclasses import dataclass

import numpy as np

from spa.errors import DataError, UsageError
from spa.io.star import Table, Tables
from spa.job.run import Run
from spa.model.groups import numbered
from spa.model.numbers import sensible
from spa.model.upgrade import is_old, upgraded
from spa.optics import groups

AFIS = r"_Data_(\d+)_"
BLOCKS = {"particles": "rlnMicrographName", "micrographs": "rlnMicrographName", "movies": "rlnMicrographMovieName"}
NUMBER, NAME = "rlnOpticsGroup", "rlnOpticsGroupName"


@dataclass(frozen=True)
class Way:
    """The options of the job."""

    by_name: str | None
    afis: bool
    by_shift: tuple[str, str] | None
    clusters: int | None
    least: int


def regrouped(run: Run, tables: Tables, way: Way) -> tuple[Tables, str]:
    """The document with its new groups, and how many there are."""
    tables = numbered(upgraded(tables) if is_old(tables) else tables)
    block = next((name for name in BLOCKS if name in tables), None)
    if block is None:
        raise DataError(f"{tables.source}: no table of particles, micrographs or movies in it")
    if "optics" not in tables:
        raise DataError(f"{tables.source}: no data_optics in it")
    table, optics = tables[block], tables["optics"]
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    old = table.ints(NUMBER)
    label, points = _labels(run, table, BLOCKS[block], old, way)
    base = _alike(optics)[old - 1] if label is None else old - 1
    rows = np.zeros(len(table), np.int64)
    names: list[str] = []
    first: list[int] = []
    for one in np.unique(base):
        mine = np.flatnonzero(base == one)
        part = (old[mine] if label is None else label[mine]).astype(str)
        kept = groups.merged(part, None if points is None else points[mine], way.least)
        for number in np.unique(kept):
            here = mine[kept == number]
            rows[here] = len(first) + 1
            names.append(_named(optics, int(old[here[0]]) - 1, part[kept == number], label is None))
            first.append(int(old[here[0]]) - 1)
    made = optics.take(np.array(first)).with_columns(**{NUMBER: np.arange(len(first)) + 1, NAME: _distinct(names)})
    found = tables.with_block("optics", made).with_block(block, table.with_columns(**{NUMBER: rows}))
    sizes = np.bincount(rows)[1:]
    words = f"{len(optics)} optics groups became {len(first)}, of {sizes.min()} to {sizes.max()} {block}"
    return found, words


def _alike(optics: Table) -> np.ndarray:
    """For each old group the first that agrees with it in all but its name and number."""
    columns = [name for name in optics.columns if name not in (NUMBER, NAME)]
    keys = list(zip(*(optics.listed(name) for name in columns)))
    return np.array([keys.index(key) for key in keys], np.int64)


def _labels(
    run: Run, table: Table, name: str, old: np.ndarray, way: Way
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What tells rows of an old group apart (n,) text, and their shifts (n, 2)."""
    if way.by_name or way.afis:
        return _by_name(table, name, way.by_name or AFIS), None
    if way.by_shift is None:
        return None, None
    points = np.stack([sensible(table, column.removeprefix("_")) for column in way.by_shift], axis=1)
    label = np.zeros(len(table), np.int64)
    for one in np.unique(old):
        mine = np.flatnonzero(old == one)
        label[mine] = _by_shift(run, table, points[mine], _exposures(table, name)[mine], way)
    return label.astype(str).astype(object), points


def _by_name(table: Table, name: str, pattern: str) -> np.ndarray:
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--by-name {pattern}: {error}") from None
    if name not in table:
        raise DataError(f"{table.where} has no column {name}")
    found = []
    for row, text in enumerate(table.listed(name)):
        match = wanted.search(text)
        if match is None:
            raise DataError(f"{table.where} row {row + 1}: {pattern} is not in {text}")
        found.append("-".join(part or "" for part in match.groups()) if match.groups() else match.group())
    return np.array(found, object)


def _exposures(table: Table, name: str) -> np.ndarray:
    """The exposure (n,) of each row, by number: rows of one say its shift again, and nothing more."""
    if name not in table:
        return np.zeros(len(table), np.int64)
    return np.unique(table.text(name).astype(str), return_inverse=True)[1]


def _by_shift(run: Run, table: Table, points: np.ndarray, exposure: np.ndarray, way: Way) -> np.ndarray:
    alone, inverse = np.unique(np.column_stack([exposure, points]), axis=0, return_inverse=True)
    different = len(np.unique(points, axis=0))
    if way.clusters:
        if way.clusters > different:
            raise DataError(f"{table.where}: {different} different shifts, fewer than --clusters {way.clusters}")
        return groups.clusters(alone[:, 1:], way.clusters, run.rng("clusters"))[inverse.ravel()]
    found = groups.places(alone[:, 1:])
    if found is None:
        names = " and ".join(way.by_shift or ())
        raise DataError(f"{table.where}: no gaps between the shifts {names} tell places apart; "
                        "--clusters says how many there are")  # fmt: skip
    return found[inverse.ravel()]


def _named(optics: Table, row: int, labels: np.ndarray, plain: bool) -> str:
    """The old name, with what the group is of behind it where it was split."""
    name = optics.listed(NAME)[row] if NAME in optics else f"opticsGroup{row + 1}"
    values = np.unique(labels)
    if plain:
        return name
    return f"{name}_{values[0]}" if len(values) == 1 else f"{name}_{values[0]}_and_{len(values) - 1}"


def _distinct(names: list[str]) -> list[str]:
    return [name if names.count(name) == 1 else f"{name}_{number + 1}" for number, name in enumerate(names)]
