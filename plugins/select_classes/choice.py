"""The choice made: which classes are kept, their particles, and how that is told."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.io import star as stars
from spa.io.star import Tables
from spa.job.run import Run
from spa_plugins.select_classes import judge
from spa_plugins.select_classes.table import Classified, parse_classes


@dataclass(frozen=True, eq=False)
class Choice:
    """against: for each class (from 1) what speaks against it."""

    classified: Classified
    against: list[list[str]]

    @property
    def keeps(self) -> np.ndarray:
        """(classes,) bool."""
        return np.array([not reasons for reasons in self.against])

    @property
    def rows(self) -> np.ndarray:
        """(particles,) bool."""
        return self.keeps[self.classified.number - 1]

    def table(self, kept: bool) -> Tables:
        """The document with the particles that are kept, or with the others."""
        tables = self.classified.tables
        return tables.with_block("particles", tables["particles"].take(self.rows == kept))

    def lines(self) -> list[str]:
        """A line for every class that is dropped and has particles."""
        size = np.bincount(self.classified.number, minlength=len(self.against) + 1)
        return [f"class {i} dropped ({size[i]} particles): {', '.join(reasons)}"
                for i, reasons in enumerate(self.against, 1) if reasons and size[i]]  # fmt: skip

    def summary(self) -> str:
        rows, keeps = self.rows, self.keeps
        return f"{keeps.sum()} of {len(keeps)} classes kept, {rows.sum()} of {len(rows)} particles"

    def draw(self, path: str) -> None:
        """The montage with a frame around each average."""
        from spa.plot.figure import save
        from spa.plot.montage import montage

        images = self.classified.images
        size = np.bincount(self.classified.number, minlength=len(images) + 1)
        words = [", ".join(reason.partition(":")[0] for reason in reasons) for reasons in self.against]
        titles = [f"{i}: {size[i]}" + (f"\n{word}" if word else "") for i, word in enumerate(words, 1)]
        save(montage(images, titles[: len(images)], self.keeps[: len(images)]), path)


_UNLISTED = "not in --classes"


def choice(run: Run, star: str, model: str | None, classes: str | None, auto: bool) -> Choice:
    """Reads the table and decides. DataError where --classes names one that is not there."""
    chosen = parse_classes(classes) if classes else None
    tables = run.read(star)
    found = Classified(tables, stars.read(model) if model else None)
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
