"""Images are told by what they lack of their map, whatever their view, defocus and strength."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from spa.refine import expectation, loop
from spa.refine.problem import Workers
from spa.refine.whole import deviation, deviations


@pytest.mark.parametrize("scaled", [False, True])
def test_whole_ones_lie_about_none_with_a_deviation_of_one(planted: Callable, scaled: bool) -> None:
    """In the true map at the true poses; those with half of the signal lie below by half of its root."""
    strength = np.where(np.arange(1000) % 5 == 0, 0.5, 1.0)
    scale = np.random.default_rng(0).uniform(0.7, 1.4, 1000) if scaled else np.ones(1000)
    case = planted(n=1000, snr=0.1, strength=strength * scale)
    problem = case.problem
    if scaled:
        problem = replace(problem, images=problem.images.scaled(1.0))
        problem.images.scale[:] = scale
    start = loop.first_state(problem, [case.volume], case.noise)
    state = replace(start, maps=np.stack([case.volume] * 2)[None], radius=15, noise=case.noise,
                    poses=[expectation.given_poses(case.poses, case.shifts)])  # fmt: skip
    found = deviations(problem, state, Workers(), loop.sources_of(state, Workers()))
    whole = found[strength == 1]
    assert abs(whole.mean()) < 0.15 and whole.std() == pytest.approx(1, abs=0.08)
    assert found[strength < 1].mean() < -1.5


def test_a_map_of_nothing_tells_nothing() -> None:
    assert deviation(np.array([3.0, 50.0]), np.array([0.0, 50.0])).tolist() == [0, 0]
