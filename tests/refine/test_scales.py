"""Groups of images differ in grey scale: it is found, used, kept, and given out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.refine import loop, scales, states
from spa.refine.expectation import given_poses
from spa.refine.problem import Workers
from spa.refine.states import State
from spa.volume.fsc import fsc

STRENGTH = np.array([0.6, 0.9, 1.1, 1.4])
COHORT = np.arange(400) // 2 % 4


@pytest.fixture(scope="module")
def case(planted: Callable) -> Any:
    made = planted(n=400, snr=2.0, strength=STRENGTH[COHORT])
    return replace(made, problem=replace(made.problem, cohort=COHORT))


@pytest.fixture(scope="module")
def known(case: Any) -> State:
    """At the true poses, from the true map."""
    start = loop.first_state(case.problem, [case.volume], case.noise)
    poses = [given_poses(case.poses, case.shifts)]
    everywhere = np.ones(len(COHORT), bool)
    return replace(start, poses=poses, searched=everywhere, sharpness=1.0, local=True)


def maximised(problem: Any, state: State) -> State:
    halves = [np.flatnonzero(problem.images.half == half) for half in (0, 1)]
    return loop.maximised(problem, state, Workers(), halves, loop.sources_of(state, Workers()))


def test_planted_scales_are_found_by_each_half(case: Any, known: State) -> None:
    found = maximised(case.problem, known).scales
    assert found is not None and found.shape == (2, 4)
    assert np.allclose(found, STRENGTH / STRENGTH.mean(), rtol=0.05)
    assert not np.array_equal(*found)
    for half in (0, 1):
        assert found[half, COHORT[case.problem.images.half == half]].mean() == pytest.approx(1)


def test_images_that_are_alike_are_not_told_apart(case: Any, known: State, planted: Callable) -> None:
    plain = planted(n=400, snr=2.0)
    found = maximised(replace(plain.problem, cohort=COHORT), known).scales
    assert found is not None and np.abs(found - 1).max() < 0.03


def test_a_refinement_finds_scales_and_its_map_is_the_better_for_them(case: Any) -> None:
    def refined(problem: Any) -> State:
        state = loop.first_state(problem, [case.volume], case.noise)
        while not state.done:
            state = loop.iterated(problem, state, Workers())
        return state

    def agreement(state: State) -> float:
        assert state.joint is not None
        solvent = case.problem.solvent
        return float(fsc(case.volume * solvent, state.joint[0] * solvent)[2:13].mean())

    with_scales, without = refined(case.problem), refined(replace(case.problem, cohort=None))
    assert with_scales.scales is not None and without.scales is None
    assert np.allclose(with_scales.scales, STRENGTH / STRENGTH.mean(), rtol=0.1)
    assert agreement(with_scales) > agreement(without)


def test_scores_and_sums_see_the_scale(case: Any) -> None:
    rows, images = np.arange(6), case.problem.images
    block, twice = (images.scaled(one).block(rows, 12, case.noise) for one in (1.0, 2.0))
    assert np.allclose(twice.ctf, 2 * block.ctf) and np.array_equal(twice.x, block.x)
    one = images.scaled(np.arange(1, 401)).of(np.array([2, 4]))
    assert np.allclose(one.ctf(np.array([1]), 9), 5 * images.ctf(np.array([4]), 9))


def test_a_state_keeps_its_scales(case: Any, known: State, tmp_path: Path) -> None:
    state = maximised(case.problem, known)
    states.save(tmp_path / "s.npz", state)
    again = states.load(tmp_path / "s.npz", known)
    assert np.array_equal(again.scales, state.scales)
    before, after = (scales.seen(case.problem, one).images.scale for one in (state, again))
    assert before is not None and np.array_equal(before, after)
