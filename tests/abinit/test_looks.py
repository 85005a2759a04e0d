"""Images of mixed sets: the class that is not theirs is glanced at, and costs none of them its own."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from spa.abinit import looks, score, sharpen
from spa.abinit.plan import Settings
from spa.abinit.stochastic import solvents
from spa.refine.data import Images
from spa.refine.engine import Cpu
from spa.refine.problem import Workers
from spa.search.newton import Modes

TRUTH = np.repeat([0, 1], 60)


class Counting(Cpu):
    """Counts the images that are searched widely: `candidates` of the wide search each."""

    def __init__(self) -> None:
        self.widely = 0

    def refine(self, source, block, poses, *rest) -> Modes:  # type: ignore[no-untyped-def]
        self.widely += len(poses) * (poses.shape[1] > 20)
        return Cpu.refine(source, block, poses, *rest)


@pytest.fixture(scope="module")
def mixed(planted: Callable, lumps: Callable) -> tuple[Images, Settings, sharpen.State]:
    """Sixty images of each of two particles, and a state that has their maps, of poses that are not clear."""
    a, b = planted(lumps(1), n=60, snr=3), planted(lumps(9), n=60, snr=3, seed=8)
    names = ("planes", "chi", "bfactor", "group", "half")
    both = {name: np.concatenate([getattr(one.images, name) for one in (a, b)]) for name in names}
    maps = np.stack([a.volume, b.volume]).astype(np.float32)
    state = sharpen.first_state(replace(a.images, **both), maps, np.full(2, 0.5), 7, a.noise)
    return replace(a.images, **both), replace(a.settings, classes=2), replace(state, sharpness=0.5)


def looked(mixed: tuple[Images, Settings, sharpen.State], unlikely: np.ndarray) -> tuple[np.ndarray, int]:
    """Shares (n, c) after a round before which classes (n, c) were unlikely, and wide searches that it took."""
    images, settings, state = mixed
    engine = Counting()
    known = replace(state, shares=np.where(unlikely, 0.0, 1.0))
    rows = [np.flatnonzero(images.half == half) for half in (0, 1)]
    masks = solvents(images, settings)
    shares = looks.expected(images, known, settings, 1, Workers(engine=engine), rows, masks)[1]
    return shares, engine.widely


def test_an_image_that_was_taken_for_another_comes_back(mixed: tuple[Images, Settings, sharpen.State]) -> None:
    own = np.eye(2, dtype=bool)[TRUTH]
    everywhere, searches = looked(mixed, np.zeros((120, 2), bool))
    assert searches == 240 and (everywhere.argmax(axis=1) == TRUTH).mean() > 0.95
    shares, searches = looked(mixed, own)
    assert (shares.argmax(axis=1) == everywhere.argmax(axis=1)).mean() > 0.97
    assert searches > 200  # in the class they were said to be in, and in their own


def test_classes_that_are_not_theirs_cost_images_no_search(mixed: tuple[Images, Settings, sharpen.State]) -> None:
    everywhere, _ = looked(mixed, np.zeros((120, 2), bool))
    shares, searches = looked(mixed, ~np.eye(2, dtype=bool)[TRUTH])
    assert (shares.argmax(axis=1) == everywhere.argmax(axis=1)).mean() > 0.97
    assert searches < 150


def test_noise_beside_a_particle_leaves_its_poses_clear(mixed: tuple[Images, Settings, sharpen.State]) -> None:
    """Neither images that show nothing nor a handful that fits its own noise says how clear a particle's poses are."""
    state = mixed[2]
    found = replace(state, clear=np.array([0.95, 0.2]), sizes=np.array([0.6, 0.4]))
    handful = replace(state, clear=np.array([0.6, 1.0]), sizes=np.array([0.98, 0.02]))
    assert found.clearest == 0.95 and handful.clearest == 0.6
    assert sharpen.least_rounds(found.clearest) == 0 < sharpen.least_rounds(handful.clearest)


def test_what_evidence_of_several_classes_wavers_by_is_no_gain() -> None:
    for classes in (1, 4):
        assert score.gained(0.52, 0.5, classes) and not score.gained(0.505, 0.5, classes)
        assert score.gained(8.2, 8.0, classes) and score.gained(-5.0, -np.inf, classes)
    assert score.gained(8.05, 8.0, 1) and not score.gained(8.05, 8.0, 4)
