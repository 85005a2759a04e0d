"""spa abinit model: what it says of poses that are not known."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from spa_plugins.abinit_model import results


def ended(*clear: float, junk: int = 0, noise: int = -1) -> Any:
    """An end whose classes' best poses have these parts of their images' posterior; the first is the smallest class,
    and one is of images that show nothing."""
    number = np.repeat(np.arange(len(clear)), np.arange(len(clear)) + 1)
    state = SimpleNamespace(clear=np.array(clear), found=SimpleNamespace(number=number), sizes=np.array(clear))
    shown = np.where(number == noise, 0.2, 6.0)
    return SimpleNamespace(state=state, symmetry=["C1"] * (len(clear) - junk), shown=shown)


def test_poses_that_are_not_known_are_told() -> None:
    """Whatever the images of a junk class are like."""
    assert "40% of its posterior" in results.unsure(ended(0.4, 0.9, junk=1))
    assert not results.unsure(ended(0.9, 0.1, junk=1))


def test_it_is_told_in_which_classes_poses_are_not_known() -> None:
    """A class that is clear says nothing for the others, be it the largest."""
    told = results.unsure(ended(0.3, 0.4, 0.95))
    assert told.startswith("classes 2, 3: ") and "40%, 30% of its posterior" in told
    assert results.unsure(ended(0.3, 0.95)).startswith("class 2: ") and not results.unsure(ended(0.9, 0.95))


def test_a_class_that_shows_nothing_is_not_in_doubt() -> None:
    """What has no particle in it has no poses; a run of one class that shows little is in doubt all the same."""
    assert not results.unsure(ended(0.1, 0.9, noise=0)) and "10%" in results.unsure(ended(0.1, 0.9))
    assert results.unsure(ended(0.3, 0.2, 0.9, noise=0)).startswith("class 2: ")
    assert results.nothing(ended(0.1, 0.9, noise=0)) == {0} and results.unsure(ended(0.1, noise=0))


def test_classes_that_were_run_alone_are_told_by_their_places() -> None:
    """The largest is the first."""
    outcome = ended(0.3, 0.7, 0.95)
    outcome.alone = (0, 1)
    assert results.anew(outcome).startswith("; classes 2, 3 from nothing")
    outcome.alone = ()
    assert results.anew(outcome) == ""
