"""The choice made: which classes are kept, their particles, and how that is told."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.io import star as stars
from spa.io.star import Tables
from spa.job import maps
from spa.job.run import Run
from spa_plugins.select_classes import judge
from spa_plugins.select_classes.table import Classified, model_of, parse_classes


@dataclass(frozen=True, eq=False)
class Choice:
    """against: for each class (from 1) what speaks against it."""

    classified: Classified
    against: list[list[str]]

    @property
    def keeps(self) -> np.ndarray:
        """(classes,) bool; none that is empty."""
        return np.array([not reasons for reasons in self.against]) & (self.classified.sizes > 0)

    @property
    def rows(self) -> np.ndarray:
        """(particles,) bool."""
        return self.keeps[self.classified.number - 1]

    def table(self, kept: bool) -> Tables:
        """The document with the particles that are kept, or with the others; with their classes' maps alone."""
        tables = self.classified.tables
        gone = self.classified.mapped & set((np.flatnonzero(self.keeps != kept) + 1).tolist())
        tables = maps.without_classes(tables, gone)
        return tables.with_block("particles", tables["particles"].take(self.rows == kept))

    def lines(self) -> list[str]:
        """A line for every class that is dropped and has particles."""
        of = zip(self.against, self.classified.sizes)
        return [f"class {i} dropped ({size} particles): {', '.join(reasons)}"
                for i, (reasons, size) in enumerate(of, 1) if reasons and size]  # fmt: skip

    def summary(self) -> str:
        rows, keeps = self.rows, self.keeps
        filled = len(np.unique(self.classified.number))
        return f"{keeps.sum()} of {filled} classes kept, {rows.sum()} of {len(rows)} particles"

    def draw(self, path: str) -> None:
        """The montage of the classes that have particles, with a frame around each average."""
        from spa.plot.figure import save
        from spa.plot.montage import montage

        used = np.flatnonzero(self.classified.sizes)
        titles = [f"{i + 1}: {self.classified.sizes[i]}{_beneath(self.against[i])}" for i in used]
        save(montage(self.classified.images[used], titles, self.keeps[used]), path)


_SHOWN = 2  # reasons that a title has room for


def _beneath(reasons: list[str]) -> str:
    """The second line of an average's title: what speaks against it first."""
    words = [reason.partition(":")[0] for reason in reasons]
    return "\n" + ", ".join(words[:_SHOWN]) + (" …" if len(words) > _SHOWN else "") if words else ""


_UNLISTED = "not in --classes"


def choice(run: Run, star: str, model: str | None, classes: str | None, auto: bool) -> Choice:
    """Reads the table and decides. DataError where --classes names one that is not there."""
    chosen = parse_classes(classes) if classes else None
    tables = run.read(star)
    found = Classified(tables, model_of(stars.read(model)) if model else None)
    against: list[list[str]] = [[] for _ in range(found.count)]
    if chosen is not None:
        beyond = [c for c in chosen if c > found.count]
        if beyond:
            raise DataError(f"--classes {classes}: there is no class {beyond[0]}; {tables.source} has {found.count}")
        for c in set(range(1, found.count + 1)) - set(chosen):
            against[c - 1].append(_UNLISTED)
    if auto:
        for reasons, more in zip(against, judge.reasons(found.measured)):
            reasons += more
    return Choice(found, against)
