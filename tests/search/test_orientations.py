"""Grids cover SO(3), or its asymmetric unit, evenly."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.search.orientations import angles_between, directions, grid, in_asymmetric_unit, shift_grid, turned
from spa.volume.symmetry import operators

GROUPS = ["C1", "C5", "D7", "T", "O", "I"]


@pytest.mark.parametrize("group", GROUPS)
def test_the_asymmetric_unit_is_its_share_of_the_sphere(group: str) -> None:
    ops, views = operators(group), directions(0.02)
    assert in_asymmetric_unit(views, ops).mean() == pytest.approx(1 / len(ops), rel=0.05)


@pytest.mark.parametrize("group", GROUPS)
def test_every_pose_lies_within_a_step_of_the_grid(group: str) -> None:
    step, ops = 0.35, operators(group)
    poses = grid(step, ops, np.random.default_rng(0)).astype(float)
    for pose in Rotation.random(20, random_state=1).as_matrix():
        assert angles_between(np.broadcast_to(pose, poses.shape), poses, ops).min() < step


def test_poses_are_rotations() -> None:
    poses = grid(0.4, operators("C1"), np.random.default_rng(3)).astype(float)
    assert np.allclose(poses @ poses.transpose(0, 2, 1), np.eye(3), atol=1e-6)
    assert np.allclose(np.linalg.det(poses), 1, atol=1e-6)


def test_a_grid_of_another_draw_is_turned() -> None:
    a, b = (grid(0.5, operators("C1"), np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.allclose(a, b)


def test_shifts_fill_a_disc_from_its_centre() -> None:
    shifts = shift_grid(1.5, 6.0)
    length = np.hypot(*shifts.T)
    assert np.all(shifts[0] == 0) and np.all(np.diff(length) >= -1e-6) and length.max() <= 6
    assert len(shifts) == pytest.approx(np.pi * 16, rel=0.1)


def test_a_turn_is_measured_over_the_symmetry() -> None:
    ops = operators("D3")
    pose = Rotation.random(1, random_state=2).as_matrix()
    assert angles_between(pose, pose @ ops[4], ops)[0] < 1e-6
    assert angles_between(pose, turned(pose, np.array([[0, 0.1, 0]])))[0] == pytest.approx(0.1, abs=1e-6)
