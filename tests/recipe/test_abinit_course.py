"""Which starts go on, and for how long."""

from collections import Counter
from dataclasses import replace
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spa.abinit.agree import Agreement
from spa.abinit.plan import Settings
from spa.abinit.score import LAST, Scale
from spa.recipe.abinit import parting, quenching
from spa.recipe.abinit.course import CYCLES, PATIENCE, RACE, Course, Entry
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


def starts(shell: int) -> list[Entry]:
    """Three of unsure poses; the others agree with the first up to a shell."""
    settings = Settings(190.0, operators("C1"), 20, 20.0)
    state: Any = SimpleNamespace(sharpness=0.3, step=0)
    first = Entry(0, settings, "C1", state, 5.0)
    rivals = [replace(first, seed=seed, evidence=4.9, agreement=Agreement(shell, False)) for seed in (1, 2)]
    return [first, *rivals]


def test_all_starts_race_even_if_they_agree() -> None:
    """What agrees at the heats' resolution may yet come to different ends; the best then goes on while it helps."""
    course = Told()
    assert course.finished(starts(20), Scale(20, 0.1))[0].seed == 0
    assert course.went[1] == course.went[2] == min(RACE, PATIENCE)
    assert course.went[0] == 1 + min(RACE, PATIENCE) + PATIENCE


@pytest.mark.parametrize(("leader", "cycles"), [(6.0, LAST), (4.9, PATIENCE)])
def test_cycles_end_early_where_they_cannot_come_up_with_a_leader(leader: float, cycles: int) -> None:
    course, start = Told(), starts(20)[0]
    course.cycled(start, 0, CYCLES, Scale(20, 0.1), leader=leader)
    assert course.went[0] == cycles


@pytest.mark.parametrize(
    ("sharpness", "steps", "narrower", "swept"),
    [(0.3, 5, True, [0, 1, 2, 0]), (0.3, 12, False, [0, 1, 2, 0]), (0.3, 5, False, [0, 1, 2]), (0.7, 5, False, [0])],
)
def test_starts_of_several_classes_are_swept_and_the_likeliest_goes_on(
    monkeypatch: pytest.MonkeyPatch, sharpness: float, steps: int, narrower: bool, swept: list[int]
) -> None:
    """All of them where poses are unsure; that one further where sweeps still gain, or its particles are narrower."""
    went = []

    def told(
        course: Course, entry: Entry, part: str, scale: Scale, most: int, leader: float = -np.inf
    ) -> Entry:  # fmt: skip
        assert leader == (0.0 if entry.seed else -np.inf)  # what the first has come to
        went.append(entry.seed)
        return replace(entry, state=SimpleNamespace(sharpness=sharpness, evidence=-entry.seed, step=steps))

    class Narrow(Told):
        def narrowed(self, entry: Entry, bands: tuple[int, ...]) -> Entry:
            return replace(entry, settings=replace(entry.settings, widths=(120.0, 90.0))) if narrower else entry

    monkeypatch.setattr(parting, "swept", told)
    several = [replace(one, settings=replace(one.settings, classes=2)) for one in starts(20)]
    best, _ = Narrow().finished(several, Scale(5, 0.3))
    assert best.seed == 0 and went == swept


@pytest.mark.parametrize(
    ("clear", "shell", "doubted"), [(0.9, 14, False), (0.9, 9, True), (0.5, 14, True), (0.9, 20, False)]
)
def test_other_starts_are_tried_where_poses_are_unsure_or_halves_agree_in_what_they_began_from(
    clear: float, shell: int, doubted: bool
) -> None:
    """Poses of a wrong map may be clear; where images end, at the 20th shell, there is no further to agree."""
    curve = np.where(np.arange(31) <= shell, 0.9, 0.0)
    state: Any = SimpleNamespace(clearest=clear, curves=[curve])
    assert quenching.in_doubt(state, 9 if shell < 20 else 19, 20) == doubted
