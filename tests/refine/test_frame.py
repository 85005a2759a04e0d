"""Half maps that have come to lie apart are brought into one frame, and only those."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import shift as shifted
from scipy.spatial.transform import Rotation

from spa.refine import drift, expectation, frame, halfmaps, loop, plan
from spa.refine.problem import ALONE
from spa.refine.states import State
from spa.search.orientations import angles_between
from spa.symmetry.align import turned
from spa.volume.fsc import crossing
from spa.volume.masks import soft_sphere
from spa.volume.symmetry import operators, rotation

APART = Rotation.from_rotvec([0.3, -1.0, 1.7]).as_matrix()
AWAY = np.array([0.8, -1.0, 0.4])  # pixels


def known(case: Any, turn: np.ndarray, move: np.ndarray) -> State:
    """Poses that are right, the second half's about axes turned and an origin moved; noise that is known."""
    poses, shifts, second = case.poses.copy(), case.shifts.copy(), case.problem.images.half == 1
    poses[second] = poses[second] @ turn.T
    shifts[second] += poses[second, :2] @ move
    start = loop.first_state(case.problem, [case.volume], case.noise)
    return replace(start, poses=[expectation.given_poses(poses, shifts)], searched=np.ones(len(poses), bool), radius=14)


def maps(case: Any, state: State) -> np.ndarray:
    halves = halfmaps.summed(case.problem, state, ALONE, plan.everything(case.problem), 1.0).halves
    assert halves is not None
    return halves[0]


def test_halves_that_lie_apart_are_laid_on_one_another(planted: Callable) -> None:
    case = planted(n=200, snr=0.5)
    state = known(case, APART, AWAY)
    found = frame.shared(case.problem, state, maps(case, state))
    assert found is not None
    assert np.rad2deg(angles_between(case.poses, found.poses[0].poses[:, 0])).max() < 1.5
    left = np.linalg.norm(found.poses[0].shifts[:, 0] - case.shifts, axis=1)
    assert left.max() < 0.6 * np.linalg.norm(AWAY)  # the solvent mask, which fits tightly, holds on to it
    first = case.problem.images.half == 0
    assert np.array_equal(found.poses[0].poses[first], state.poses[0].poses[first])
    right = known(case, np.eye(3), np.zeros(3))
    assert frame.shared(case.problem, right, maps(case, right)) is None


def test_a_turn_and_a_move_are_found(planted: Callable) -> None:
    case = planted(n=4)
    problem = replace(case.problem, solvent=soft_sphere(40, 17, 3))
    moved = shifted(turned(case.volume, APART), -AWAY[::-1])
    found = frame.between(problem, np.stack([case.volume, moved]), 14)
    assert found is not None and np.rad2deg(angles_between(found.turn[None], APART.T[None]))[0] < 0.5
    assert np.abs(found.shift - APART.T @ AWAY).max() < 0.05


def test_an_iteration_brings_them_together_when_they_agree_less_than_they_did(planted: Callable) -> None:
    case = planted(n=200, snr=0.5)
    state = known(case, APART, np.zeros(3))
    state = replace(state, maps=maps(case, state)[None], iteration=5, local=True, moved=0.1)
    apart = loop.iterated(case.problem, state, ALONE)
    assert crossing(apart.curve, 0.5) < 4
    together = loop.iterated(case.problem, replace(state, agreed=1000.0), ALONE)
    assert crossing(together.curve, 0.5) > 10
    assert np.rad2deg(np.median(angles_between(case.poses, together.poses[0].best()))) < 3
    last = loop.iterated(case.problem, replace(state, local=False, wandering=0.0), ALONE)  # poses are about to be fixed
    assert last.local and crossing(last.curve, 0.5) > 10


def test_halves_that_lie_together_are_asked_again_only_when_they_agree_less(planted: Callable) -> None:
    """Agreement that their common start lent them is lost for good: it must not put every iteration in question."""
    case = planted(n=200, snr=0.5)
    problem, state = case.problem, replace(known(case, np.eye(3), np.zeros(3)), agreed=1e4)
    every = plan.everything(problem)
    found = halfmaps.summed(problem, state, ALONE, every, 1.0)
    now = frame.kept(problem, found.curve)
    assert frame.in_question(state, found, now)
    after = loop.in_one_frame(problem, state, found, ALONE, every, 1.0)
    assert not frame.in_question(state, after, frame.kept(problem, after.curve))
    assert frame.in_question(state, after, frame.kept(problem, after.curve) - 2 * frame.GAIN)


def test_a_half_of_the_other_hand_is_turned_inside_out(planted: Callable) -> None:
    """Images tell of a map and of its mirror image alike: both halves are right, and their mean is neither."""
    case = planted(n=200, snr=0.5)
    state, second = known(case, APART, AWAY), case.problem.images.half == 1
    state.poses[0].poses[second] *= frame.HALF_TURN
    before = halfmaps.summed(case.problem, state, ALONE, plan.everything(case.problem), 1.0)
    found = frame.shared(case.problem, state, maps(case, state))
    assert found is not None
    after = halfmaps.summed(case.problem, found, ALONE, plan.everything(case.problem), 1.0)
    assert crossing(before.curve, 0.5) < 4 and crossing(after.curve, 0.5) > 10
    assert np.rad2deg(angles_between(case.poses, found.poses[0].poses[:, 0])).max() < 1.5


@pytest.mark.parametrize("factor", [1.0, frame.HALF_TURN], ids=["turned", "other hand"])
def test_halves_are_laid_on_the_start_in_its_hand(planted: Callable, factor: float | np.ndarray) -> None:
    case = planted(n=200, snr=0.5)
    state = known(case, np.eye(3), np.zeros(3))
    state.poses[0].poses[:] = state.poses[0].poses * factor @ APART.T
    assert frame.started(case.problem, state, maps(case, state)) is None  # no start's frame is to be kept
    problem = replace(case.problem, frame=drift.kept(case.volume, case.problem.solvent))
    found = frame.started(problem, state, maps(case, state))
    assert found is not None
    assert np.rad2deg(angles_between(case.poses, found.poses[0].poses[:, 0])).max() < 1.5
    assert frame.started(problem, found, maps(case, found)) is None
    noise = np.random.default_rng(5).standard_normal(case.volume.shape)
    for start in (noise, np.zeros_like(noise)):
        problem = replace(case.problem, frame=drift.kept(start, problem.solvent))
        assert frame.started(problem, state, maps(case, state)) is None


def test_noise_lies_nowhere(planted: Callable) -> None:
    case = planted(n=200, signal=False)
    state = known(case, np.eye(3), np.zeros(3))
    assert frame.shared(case.problem, state, maps(case, state)) is None


def test_poses_that_are_expected_stay(planted: Callable) -> None:
    case = planted(n=40)
    state = known(case, APART, np.zeros(3))
    prior = replace(case.problem.prior, poses=case.poses, turn_sigma=0.1)
    problem = replace(case.problem, prior=prior)
    found = halfmaps.summed(problem, state, ALONE, plan.everything(problem), 1.0)
    assert loop.in_one_frame(problem, replace(state, agreed=1e4), found, ALONE, plan.everything(problem), 1.0) is found


@pytest.mark.parametrize(("name", "between"), [
    ("C3", rotation((0, 0, 1), 0.3)), ("C4", rotation((1, 0, 0), np.pi)), ("D2", rotation((1, 1, 1), 2 * np.pi / 3)),
    ("D3", rotation((0, 0, 1), np.pi / 3)), ("D5", rotation((0, 0, 1), np.pi / 5)),
    ("T", rotation((0, np.sqrt(2), 1), np.pi / 2)), ("O", np.eye(3)), ("I", np.eye(3)),
])  # fmt: skip
def test_turns_keep_the_axes(name: str, between: np.ndarray) -> None:
    """All of them, and one that the group does not have is among them, or near."""
    group = operators(name)
    found = frame.turns(group, 0.2)
    for one in found:
        conjugated = one @ group @ one.T
        assert np.abs(conjugated[:, None] - group).max(axis=(2, 3)).min(axis=1).max() < 1e-6
    assert angles_between(np.broadcast_to(between, found.shape), found, group).min() < 0.11


def test_symmetric_halves_turn_within_what_their_axes_leave(planted: Callable) -> None:
    """A D2 map with its axes exchanged."""
    case = planted(n=4)
    group = operators("D2")
    problem = replace(case.problem, settings=replace(case.problem.settings, operators=group))
    map_ = turned(case.volume, group)
    about = rotation((1, 1, 1), 2 * np.pi / 3)
    found = frame.between(problem, np.stack([map_, turned(map_, about)]), 12)
    assert found is not None and angles_between(found.turn[None], about.T[None], group)[0] < 1e-6
    assert np.abs(found.shift).max() < 1e-6
    assert frame.between(problem, np.stack([map_, map_]), 12) is None
