"""The particles of a table, in groups whose evidence is alike, and how likely each is to be whole."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.io.star import Table
from spa_plugins.select_particles.kinds import highest
from spa_plugins.select_particles.ordinary import Ordinary, ordinary

EVIDENCE, AWAY, CHANCE = "spaParticleEvidence", "spaWholeDeviation", "spaWholeChance"
FEWEST = 200  # particles of a group with a limit of its own
SURE, NOTHING = 5.0, -10.0  # nats of what surely shows the particle, and of what surely shows none
LEAST = 50  # particles that show a distribution


@dataclass(frozen=True, eq=False)
class Group:
    """Particles of one class, or one class and optics group: their name, rows, and how their evidence is spread."""

    name: str
    rows: np.ndarray
    found: Ordinary


@dataclass(frozen=True, eq=False)
class Choice:
    """chance (n,): of each particle to be whole, 0 where nothing is known of it; values (n,): of the column by which
    they are told apart."""

    column: str
    values: np.ndarray
    chance: np.ndarray
    groups: list[Group]

    def kept(self, least: float | None) -> np.ndarray:
        """(n,) which have at least such a chance; None: see `Ordinary.limit`."""
        found = np.zeros(len(self.values), bool) if least is None else self.chance >= least
        for one in self.groups:
            found[one.rows] = one.found.kept(self.values[one.rows], least)
        return found

    def words(self, least: float | None) -> str:
        """How many stay, by which limits, and how many of either kind are thought to be on the wrong side."""
        kept = self.kept(least)
        count = f"{int(kept.sum())} of {len(kept)} particles kept"
        if (self.chance == 1).all():
            return f"{count}: none stand apart by showing less than the others"
        if kept.all():
            return f"{count}; {(1 - self.chance).sum():.0f} of them or more lack something"
        of, digits = ("evidence", 0) if self.column == EVIDENCE else ("deviation from whole", 1)
        limits = ", ".join(f"{one.found.limit(least):.{digits}f}{f' ({one.name})' if one.name else ''}"
                           for one in self.groups if np.isfinite(one.found.limit(least)))  # fmt: skip
        if not limits:
            return f"{count}: the others show nothing, and none of these stand apart by showing less"
        rest, lost = (1 - self.chance[kept]).sum(), self.chance[~kept].sum()
        if max(rest, lost) < 0.5:
            return f"{count}, whose {of} is above {limits}; none is in doubt"
        doubt = f"{rest:.0f} of them or more lack something, and some {lost:.0f} of those left out do not"
        return f"{count}, whose {of} is above {limits}; {doubt}"

    def draw(self, path: str, least: float | None) -> None:
        from spa.plot.evidence import Spread, overview
        from spa.plot.figure import save

        spreads = []
        for one in self.groups:
            values = self.values[one.rows]
            below = int((~one.found.kept(values, least)).sum())
            limit = one.found.limit(least) if below else -np.inf
            spreads.append(Spread(one.name, values, one.found.at, one.found.curve(), limit, below))
        save(overview(spreads, "evidence, nats" if self.column == EVIDENCE else "deviation from whole"), path)


def chosen(table: Table, by_class: bool = True) -> Choice:
    """By how far each is from showing all of its map, or by the evidence alone where no job has said that; what shows
    nothing among many that surely show the particle is not whole. by_class: either is against the map of each one's
    class.

    DataError: no evidence in the table, or too few particles that have one.
    """
    if EVIDENCE not in table:
        who = "spa refine homo, nu, hetero and abinit model write it"
        raise DataError(f"{table.where} has no column {EVIDENCE} ({who})")
    column = AWAY if AWAY in table else EVIDENCE
    values = table.floats(column)
    evidence = table.floats(EVIDENCE)
    finite = np.isfinite(values) & np.isfinite(evidence)
    if column == AWAY and (evidence > SURE).mean() > 0.5:
        finite &= evidence > NOTHING
    if finite.sum() < LEAST or np.ptp(values[finite]) == 0:
        raise DataError(f"{table.where}: {int(finite.sum())} particles with evidence show no distribution; "
                        f"{LEAST} at least, that differ")  # fmt: skip
    chance, groups = np.zeros(len(table)), []
    for name, rows in _groups(table, finite, by_class):
        found = highest(values[rows]) if column == AWAY else ordinary(values[rows])
        chance[rows] = found.chance
        groups.append(Group(name, rows, found))
    return Choice(column, values, chance, groups)


def _groups(table: Table, usable: np.ndarray, by_class: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Names and rows: values are against the map of a class, and differ with what an optics group's images show.

    Where one of them is small, all are one group.
    """
    parts = [("", np.flatnonzero(usable))]
    for column, noun in (("rlnClassNumber", "class"), ("rlnOpticsGroup", "optics group")):
        if column in table and (by_class or noun != "class"):
            numbers = table.ints(column)
            parts = [part for whole in parts for part in _split(*whole, numbers, noun)]
    yield from parts


def _split(name: str, rows: np.ndarray, numbers: np.ndarray, noun: str) -> list[tuple[str, np.ndarray]]:
    found, count = np.unique(numbers[rows], return_counts=True)
    if len(found) == 1 or count.min() < FEWEST:
        return [(name, rows)]
    return [(f"{name}, {noun} {one}".removeprefix(", "), rows[numbers[rows] == one]) for one in found]
