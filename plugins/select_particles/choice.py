"""The particles of a table, in groups whose evidence is alike, and how likely each is to be whole."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.io.star import Table
from spa_plugins.select_particles.ordinary import Ordinary, ordinary

EVIDENCE, CHANCE = "spaParticleEvidence", "spaWholeChance"
FEWEST = 200  # particles of a group with a limit of its own
LEAST = 50  # particles that show a distribution


@dataclass(frozen=True, eq=False)
class Group:
    """Particles of one class, or one class and optics group: their name, rows, and how their evidence is spread."""

    name: str
    rows: np.ndarray
    found: Ordinary


@dataclass(frozen=True, eq=False)
class Choice:
    """chance (n,): of each particle to be whole, 0 where it has no evidence; evidence (n,), nats."""

    evidence: np.ndarray
    chance: np.ndarray
    groups: list[Group]

    def words(self, least: float) -> str:
        """How many stay, by which limits, and how many of either kind are thought to be on the wrong side."""
        kept = self.chance >= least
        count = f"{int(kept.sum())} of {len(kept)} particles kept"
        if (self.chance == 1).all():
            return f"{count}: none stand apart by showing less than the others"
        if kept.all():
            return f"{count}; {(1 - self.chance).sum():.0f} of them or more lack something"
        limits = ", ".join(f"{one.found.limit(least):.0f}{f' ({one.name})' if one.name else ''}"
                           for one in self.groups if np.isfinite(one.found.limit(least)))  # fmt: skip
        rest, lost = (1 - self.chance[kept]).sum(), self.chance[~kept].sum()
        if max(rest, lost) < 0.5:
            return f"{count}, whose evidence is above {limits}; none is in doubt"
        doubt = f"{rest:.0f} of them or more lack something, and some {lost:.0f} of those left out do not"
        return f"{count}, whose evidence is above {limits}; {doubt}"

    def draw(self, path: str, least: float) -> None:
        from spa.plot.evidence import Spread, overview
        from spa.plot.figure import save

        spreads = []
        for one in self.groups:
            evidence, below = self.evidence[one.rows], int((one.found.chance < least).sum())
            spreads.append(Spread(one.name, evidence, one.found.at, one.found.curve(), one.found.limit(least), below))
        save(overview(spreads), path)


def chosen(table: Table, by_class: bool = True) -> Choice:
    """by_class: evidence is against the map of each one's class.

    DataError: no evidence in the table, or too few particles that have one.
    """
    if EVIDENCE not in table:
        who = "spa refine homo, nu, hetero and abinit model write it"
        raise DataError(f"{table.where} has no column {EVIDENCE} ({who})")
    evidence = table.floats(EVIDENCE)
    finite = np.isfinite(evidence)
    if finite.sum() < LEAST or np.ptp(evidence[finite]) == 0:
        raise DataError(f"{table.where}: {int(finite.sum())} particles with evidence show no distribution; "
                        f"{LEAST} at least, that differ")  # fmt: skip
    chance, groups = np.zeros(len(table)), []
    for name, rows in _groups(table, finite, by_class):
        found = ordinary(evidence[rows])
        chance[rows] = found.chance
        groups.append(Group(name, rows, found))
    return Choice(evidence, chance, groups)


def _groups(table: Table, usable: np.ndarray, by_class: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Names and rows: evidence is against the map of a class, and grows with what an optics group's images show.

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
