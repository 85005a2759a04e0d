"""Half maps at poses that are given: the truth, the noise and the scales that images have; on a device the same."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.refine import known
from spa.refine.engine_cuda import Cuda
from spa.refine.problem import ALONE, Workers
from spa.refine.states import State
from spa.search.prior import Prior
from spa.volume.fsc import fsc

N = 240


def posed(made: Any) -> Any:
    """The problem of images at their own poses."""
    settings = replace(made.problem.settings, iterations=known.ROUNDS)
    return replace(made.problem, settings=settings, prior=Prior(made.shifts, 1.0, made.poses))


def finished(problem: Any, noise: np.ndarray, workers: Workers = ALONE) -> State:
    state = known.first_state(problem, noise)
    for _ in range(known.ROUNDS):
        assert not state.done
        state = known.again(problem, state, workers)
    assert state.done
    return state


def test_maps_are_the_truth_in_its_own_grey_scale(planted: Callable) -> None:
    made = planted(n=N)
    problem = posed(made)
    state = finished(problem, made.noise)
    assert state.joint is not None and state.halves is not None
    found, truth = state.joint[0] * problem.solvent, made.volume * problem.solvent
    assert fsc(found, truth)[1:13].min() > 0.97
    assert (found * truth).sum() / (truth**2).sum() == pytest.approx(1, abs=0.05)
    assert known.explained(problem, state, ALONE) == pytest.approx(1, abs=0.1)
    assert np.abs(state.halves[0, 0] - state.halves[0, 1]).max() > 0


def test_noise_within_the_particle_is_found(planted: Callable) -> None:
    """From three quarters of what it is and from more; what slices miss of a strong signal comes to it."""
    made = planted(n=N)
    for wrong in (0.75, 1.4):
        state = finished(posed(made), wrong * made.noise)
        assert np.abs(state.noise[0, 2:18] - 1).max() < 0.25, wrong


def test_scales_of_groups_are_found(planted: Callable) -> None:
    cohort = np.arange(N) // 2 % 3
    strength = np.array([0.6, 1.0, 1.4])[cohort]
    made = planted(n=N, strength=strength)
    state = finished(replace(posed(made), cohort=cohort), made.noise)
    assert state.scales is not None
    assert np.abs(state.scales - [0.6, 1.0, 1.4]).max() < 0.1


def test_wrong_poses_explain_little(planted: Callable) -> None:
    made = planted(n=N)
    problem = posed(replace(made, poses=made.poses[::-1]))
    assert known.explained(problem, finished(problem, made.noise), ALONE) < 0.5


def test_on_a_device(planted: Callable, device: Device) -> None:
    made = planted(n=80)
    problem = replace(posed(made), cohort=np.arange(80) // 2 % 2)
    wanted, found = (finished(problem, made.noise, Workers(engine=engine)) for engine in (ALONE.engine, Cuda(device)))
    assert np.abs(wanted.noise - found.noise).max() < 1e-3
    assert np.abs(np.asarray(wanted.scales) - np.asarray(found.scales)).max() < 1e-3
    assert np.abs(wanted.joint[0] - found.joint[0]).max() < 1e-3 * np.abs(wanted.joint[0]).max()
