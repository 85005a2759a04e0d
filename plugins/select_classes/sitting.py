"""The choice made by hand, on a page with the montage: kept as it is made, and taken up again."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.job.run import Run
from spa.web.choice import Kept, settle
from spa.web.page import BadRequest, Page
from spa.web.server import serve
from spa_plugins.select_classes import judge
from spa_plugins.select_classes.choice import Choice
from spa_plugins.select_classes.figures import Figure, seen, told
from spa_plugins.select_classes.judge import Measured
from spa_plugins.select_classes.pictures import DOWN, Pictures
from spa_plugins.select_classes.table import spelt

_UNCHOSEN = "not chosen"


@dataclass(eq=False)
class Sitting:
    """keeps: (classes,) bool, as it is now; file: where it is kept; measured: what is being measured meanwhile."""

    begun: Choice
    pictures: Pictures
    file: Kept
    keeps: np.ndarray
    measured: Future[Measured]
    taken_up: bool = False

    @classmethod
    def of(cls, run: Run, begun: Choice, ruled: bool) -> "Sitting":
        """From what an earlier sitting chose, or, where ``ruled``, from what the rules keep, or from nothing."""
        classified = begun.classified
        keeps = begun.keeps if ruled else np.zeros(len(begun.against), bool)
        measured = ThreadPoolExecutor(1).submit(lambda: classified.measured)
        made = cls(begun, Pictures(classified.averages), Kept.of(run, classified.number), keeps, measured)
        earlier = made.file.read(made.understood)
        return made if earlier is None else made.going_on(earlier)

    def going_on(self, keeps: np.ndarray) -> "Sitting":
        self.keeps, self.taken_up = keeps, True
        return self

    def page(self) -> Page:
        """The page of this sitting."""
        pictures = {"class": self.pictures.one, "sheet": self.pictures.sheet}
        actions = {"measured": self.seen, "save": self.save, "done": self.done}
        return Page("Select classes", "classes.js", self.facts, pictures, actions)

    def facts(self) -> dict[str, Any]:
        """What the page begins with."""
        classified = self.begun.classified
        return {
            "source": classified.tables.source, "sizes": classified.sizes, "keeps": self.keeps,
            "figures": _plain(told(classified)), "maps": self.pictures.maps, "across": self.pictures.across,
            "down": DOWN,
        }  # fmt: skip

    def seen(self, _: Any) -> dict[str, Any]:
        """What is measured on the averages, and what speaks against each class; it may take a while."""
        measured = self.measured.result()
        return {"figures": _plain(seen(measured)), "against": judge.reasons(measured)}

    def understood(self, chosen: Any) -> np.ndarray:
        """(classes,) bool of a list of numbers from 1; BadRequest for anything else."""
        n = len(self.keeps)
        if not isinstance(chosen, list) or not all(type(one) is int and 1 <= one <= n for one in chosen):
            raise BadRequest(f"not a list of classes from 1 to {n}")
        keeps = np.zeros(n, bool)
        keeps[np.array(chosen, int) - 1] = True
        return keeps

    def save(self, chosen: Any) -> int:
        """The numbers of all classes that are kept now."""
        keeps = self.understood(chosen)
        self.file.write((np.flatnonzero(keeps) + 1).tolist())
        self.keeps = keeps
        return int(keeps.sum())

    def done(self, _: Any) -> None:
        """BadRequest where no particle would be left."""
        if not self.begun.classified.sizes[self.keeps].sum():
            raise BadRequest("No class with particles is kept: choose one at least.")

    def chosen(self) -> Choice:
        """The choice as it is; a class that was not chosen says what spoke against it, if that is known."""
        against = [[] if keep else self.begun.against[i] or [_UNCHOSEN] for i, keep in enumerate(self.keeps)]
        return Choice(self.begun.classified, against)


def _plain(figures: list[Figure]) -> list[dict[str, Any]]:
    """As JSON has them; numbers that are not known are null."""
    return [
        {"name": one.name, "unit": one.unit, "better": one.better,
         "values": [round(v, 4) if np.isfinite(v) else None for v in one.values.tolist()]}
        for one in figures
    ]  # fmt: skip


def by_hand(run: Run, begun: Choice, ruled: bool, port: int, browser: bool) -> Choice:
    """Shows the page until its user is done; the choice, which the run's history has as if given by --classes."""
    sitting = Sitting.of(run, begun, ruled)
    if sitting.taken_up:
        run.warn(f"goes on from {sitting.file.path}: {sitting.keeps.sum()} of {len(sitting.keeps)} classes are kept")
    serve(run, sitting.page(), port, browser)
    found = sitting.chosen()
    listed = spelt(np.flatnonzero(found.keeps) + 1)
    settle(run, classes=listed, auto=False)
    run.note(f"the same without a page: --classes {listed}")
    return found
