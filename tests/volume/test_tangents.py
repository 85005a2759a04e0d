"""Slices with their slopes: the slices are those of `slices`, the slopes what a small step changes."""

import numpy as np
from scipy.spatial.transform import Rotation

from spa.volume.slices import reference, slices
from spa.volume.tangents import tangents


def test_slopes_are_what_a_small_step_changes() -> None:
    rng = np.random.default_rng(3)
    source = reference(rng.normal(size=(16, 16, 16)).astype(np.float32), 7)
    poses = Rotation.random(5, random_state=rng).as_matrix()
    kx, ky = rng.uniform(0.3, 4, 20), rng.uniform(-4, 4, 20)
    cut, slope = tangents(source, poses, kx, ky)
    np.testing.assert_allclose(cut, slices(source, poses, kx, ky), atol=1e-4 * np.abs(cut).max())
    step = 1e-3  # within a cell a slice is smooth; the few steps that leave one are not compared
    for axis, (dx, dy) in enumerate([(step, 0), (0, step)]):
        changed = (slices(source, poses, kx + dx, ky + dy) - slices(source, poses, kx - dx, ky - dy)) / (2 * step)
        near = np.abs(changed - slope[:, axis]) < 0.02 * np.abs(slope).max()
        assert near.mean() > 0.97
