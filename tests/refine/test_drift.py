"""Maps that have drifted from the frame of their start are brought back to it, both halves as one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import shift as shifted
from scipy.spatial.transform import Rotation

from spa.refine import drift, expectation, halfmaps, loop
from spa.refine.problem import ALONE, Problem
from spa.refine.states import State
from spa.symmetry.align import turned
from spa.volume.shells import lowpass
from spa.volume.symmetry import operators

TURN = Rotation.from_rotvec(np.deg2rad([0.6, -0.4, 0.8]))
MOVE = np.array([0.3, -0.2, 0.15])  # pixels


def moved(volume: np.ndarray, turn: Rotation = TURN, move: np.ndarray = MOVE) -> np.ndarray:
    """What the volume looks like when it is turned, and then moved."""
    return shifted(turned(volume, turn.as_matrix()), move[::-1], order=5)


def error(found: Any, turn: Rotation) -> float:
    """Degrees."""
    return float(np.rad2deg((Rotation.from_matrix(found.turn) * turn.inv()).magnitude()))


@pytest.mark.parametrize("finest", [10.0, 40.0])
def test_a_turn_and_a_move_are_found(planted: Callable, finest: float) -> None:
    """Also where the start has less detail."""
    volume = planted(n=4).volume
    found = drift.of(lowpass(volume, 5.0, finest), moved(volume), np.eye(3))
    assert found is not None and error(found, TURN) < (0.05 if finest < 20 else 0.15)
    assert np.abs(found.shift - turned_back(MOVE)).max() < 0.02


def turned_back(move: np.ndarray) -> np.ndarray:
    """A move of the turned map, along the axes of the map that is turned."""
    return TURN.as_matrix().T @ move


def test_a_point_group_keeps_its_axes(planted: Callable) -> None:
    group = operators("C4")
    volume = turned(planted(n=4).volume, group)
    about, along = Rotation.from_rotvec([0, 0, 0.015]), np.array([0, 0, 0.3])
    found = drift.of(volume, moved(volume, about, along), group.mean(axis=0))
    assert found is not None and error(found, about) < 0.05 and np.abs(found.shift - along).max() < 0.02
    aslant = drift.of(volume, moved(volume), group.mean(axis=0))
    assert aslant is not None and np.abs(aslant.turn[2] - [0, 0, 1]).max() < 1e-9
    assert np.abs(aslant.shift[:2]).max() < 1e-9


def test_noise_lies_nowhere(planted: Callable) -> None:
    volume = planted(n=4).volume
    noise = np.random.default_rng(1).standard_normal(volume.shape).astype(np.float32)
    assert drift.of(volume, noise, np.eye(3)) is None


def drifted(case: Any) -> tuple[Problem, State]:
    """Right poses about axes that are turned and moved, with the maps that they make; and the frame that is right."""
    problem = replace(case.problem, frame=drift.kept(case.volume, case.problem.solvent))
    poses = case.poses @ TURN.as_matrix().T
    shifts = case.shifts + poses[:, :2] @ MOVE
    start = loop.first_state(problem, [case.volume], case.noise)
    given = [expectation.given_poses(poses, shifts)]
    state = replace(start, poses=given, searched=np.ones(len(poses), bool), radius=14)
    halves = [np.flatnonzero(problem.images.half == half) for half in (0, 1)]
    found = halfmaps.summed(problem, state, ALONE, halves, 1.0)
    return problem, replace(found, iteration=5, local=True, moved=0.1, done=False, halves=None, joint=None)


def drift_of(case: Any, state: State) -> tuple[float, float]:
    """Mean turn (degrees) and move (pixels) of the best poses from the right ones."""
    best = state.best()[0]
    pick = np.arange(len(best.weight)), best.weight.argmax(axis=1)
    turn = Rotation.from_matrix(np.swapaxes(best.poses[pick], 1, 2) @ case.poses).mean().magnitude()
    move = np.linalg.lstsq(best.poses[pick][:, :2].reshape(-1, 3), (best.shifts[pick] - case.shifts).ravel(), None)[0]
    return float(np.rad2deg(turn)), float(np.abs(move).max())


def test_poses_go_back_with_their_map(planted: Callable) -> None:
    case = planted(n=200, snr=2.0)
    problem, state = drifted(case)
    assert drift_of(case, state)[0] > 1 and drift_of(case, state)[1] > 0.2
    back = drift.without(problem, state)
    assert drift_of(case, back)[0] < 0.15 and drift_of(case, back)[1] < 0.06
    before, after = state.poses[0].poses[:, 0], back.poses[0].poses[:, 0]
    assert np.abs(before @ before[0].T - after @ after[0].T).max() < 1e-6  # all by one turn, of both halves


def test_an_iteration_of_climbed_poses_keeps_the_frame(planted: Callable) -> None:
    case = planted(n=200, snr=2.0)
    problem, state = drifted(case)
    assert drift_of(case, loop.iterated(problem, state, ALONE))[0] < 0.15
    _, state = drifted(case)
    assert drift_of(case, loop.iterated(replace(problem, frame=None), state, ALONE))[0] > 0.9


def test_nothing_is_turned_where_axes_are_fixed(planted: Callable) -> None:
    case = planted(n=40)
    problem, state = drifted(case)
    fixed = replace(problem, settings=replace(problem.settings, operators=operators("D2")))
    assert drift.without(fixed, state) is state
