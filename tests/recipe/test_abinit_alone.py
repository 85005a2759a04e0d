"""Which classes are run once more on their own images, and whose maps are taken."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spa.abinit.plan import Settings
from spa.abinit.stochastic import State
from spa.recipe.abinit import alone
from spa.recipe.abinit.course import Entry
from spa.volume.symmetry import operators

COUNT = 200  # images of each of three classes
SETTINGS = Settings(160.0, operators("C1"), 20, 20.0, classes=3)
ZEROS = np.zeros((3, 4, 4, 4))
BEST = Entry(0, SETTINGS, "C1", State(0, ZEROS, ZEROS, ZEROS, np.ones(3) / 3), 5.0)


def ended(clear: tuple[float, ...], shown: tuple[float, ...]) -> alone.Ended:
    """An end whose classes' poses are so clear, and whose images show so much."""
    found = SimpleNamespace(number=np.repeat(np.arange(3), COUNT))
    maps = np.zeros((3, 2, 4, 4, 4))
    state: Any = SimpleNamespace(found=found, clear=np.array(clear), sizes=np.ones(3) / 3, maps=maps)
    return state, ("C1",) * 3, np.repeat(shown, COUNT)


class Mixture:
    """A course whose classes' runs alone come to maps that explain so much, and all images then to an end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: float, end: alone.Ended) -> None:
        self.ran: list[int] = []
        self.joined: list[Entry] = []
        self.end = end
        self.run = SimpleNamespace(say=lambda text: None)
        self.given = SimpleNamespace(images=SimpleNamespace(half=np.arange(3 * COUNT) % 2))
        monkeypatch.setattr(alone, "_alone", self.by_itself)
        monkeypatch.setattr(alone, "_explained", lambda *given: (8.0, after))
        monkeypatch.setattr(alone, "Sharpening", self.sharpening)

    def by_itself(self, course: Any, number: int, rows: np.ndarray, seeds: int) -> Any:
        assert (rows // COUNT == number).all()
        self.ran.append(number)
        narrow = SimpleNamespace(settings=Settings(160.0, operators("C1"), 20, 20.0, widths=(110.0,)))
        return SimpleNamespace(state=SimpleNamespace(maps=np.ones((1, 2, 4, 4, 4))), best=narrow)

    def sharpening(self, course: Any, entry: Entry, part: str) -> Any:
        self.joined.append(entry)
        return SimpleNamespace(outcome=lambda: self.end)

    def mended(self, found: alone.Ended) -> tuple[Entry, alone.Ended, tuple[int, ...]]:
        course: Any = self
        return alone.mended(course, BEST, found, 3)


BETTER = ended((0.9, 0.8, 0.3), (15.0, 9.0, 0.0))


def test_only_particles_of_unsure_poses_are_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise has no poses to find; and where all are clear nothing is done."""
    mixture = Mixture(monkeypatch, 10.0, BETTER)
    best, end, taken = mixture.mended(ended((0.9, 0.5, 0.3), (15.0, 8.0, 0.0)))
    assert mixture.ran == [1] and taken == (1,) and end is BETTER
    assert best.settings.widths == (160.0, 110.0, 160.0)
    assert [one.any() for one in best.state.maps] == [False, True, False]
    mixture = Mixture(monkeypatch, 10.0, BETTER)
    clear = ended((0.9, 0.8, 0.3), (15.0, 8.0, 0.0))
    best, end, taken = mixture.mended(clear)
    assert best is BEST and end is clear and not (taken or mixture.ran or mixture.joined)


@pytest.mark.parametrize(("after", "last"), [(7.9, 9.0), (10.0, 7.5)])
def test_what_explains_no_more_is_not_taken(monkeypatch: pytest.MonkeyPatch, after: float, last: float) -> None:
    """A class's images by its map alone, or all images in the end."""
    mixture = Mixture(monkeypatch, after, ended((0.9, 0.8, 0.3), (15.0, last, 0.0)))
    before = ended((0.9, 0.5, 0.3), (15.0, 8.0, 0.0))
    best, end, taken = mixture.mended(before)
    assert mixture.ran == [1] and len(mixture.joined) == (after > 8)
    assert best is BEST and end is before and not taken
