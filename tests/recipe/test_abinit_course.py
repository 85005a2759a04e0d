"""Which starts go on, and for how long."""

from collections import Counter
from dataclasses import replace
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from spa.abinit.agree import Agreement
from spa.abinit.plan import Settings
from spa.abinit.score import Scale
from spa.recipe.abinit.course import FEW, PATIENCE, RACE, Course, Entry
from spa.refine.problem import ALONE
from spa.volume.symmetry import operators

SIDE = 240.0


class Told(Course):
    """A course whose starts come to nothing more than they are told, and that counts how often each goes on."""

    def __init__(self) -> None:
        self.side, self.went = SIDE, Counter[int]()
        self.run: Any = SimpleNamespace(say=lambda text: None)
        self.workers, self.left = ALONE, Event()

    def further(self, entry: Entry, part: str, todo: list, scale: Scale) -> Entry:
        self.went[entry.seed] += 1
        return entry

    def narrowed(self, entry: Entry, bands: tuple[int, ...]) -> Entry:
        return entry

    def weighed(self, entry: Entry, scale: Scale, bands: tuple[int, ...] | None = None) -> Entry:
        return entry


def starts(shell: int, classes: int = 2) -> list[Entry]:
    """Three of unsure poses; the others agree with the first up to a shell."""
    settings = Settings(190.0, operators("C1"), 20, 20.0, classes=classes)
    state: Any = SimpleNamespace(sharpness=0.3)
    first = Entry(0, settings, "C1", state, 5.0)
    rivals = [replace(first, seed=seed, evidence=4.9, agreement=Agreement(shell, False)) for seed in (1, 2)]
    return [first, *rivals]


@pytest.mark.parametrize(("classes", "patience"), [(1, PATIENCE), (3, FEW)])
def test_all_starts_race_even_if_they_agree(classes: int, patience: int) -> None:
    """What agrees at the heats' resolution may yet come to different ends; the best then goes on while it helps.

    Several classes go to the end of the plan before, and are faded at the end; a single map climbs from where its heat
    has left it.
    """
    course = Told()
    assert course.finished(starts(20, classes), Scale(20, 0.1))[0].seed == 0
    assert course.went[1] == course.went[2] == (classes > 1) + min(RACE, patience)
    assert course.went[0] == 1 + min(RACE, patience) + patience + (classes > 1)
