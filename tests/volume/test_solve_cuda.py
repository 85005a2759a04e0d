"""On a device sums are solved as on the host."""

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.volume import insert as into
from spa.volume import insert_cuda, solve_cuda


@pytest.mark.parametrize("box, radius", [(24, 11), (48, 7)])
@pytest.mark.parametrize("kernels", [1, 2])
def test_twins(device: Device, box: int, radius: int, kernels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    sums = into.Accumulator(box, radius, rng.uniform(0, 1, into.grid_shape(box, radius)).astype(np.float32), kernels)
    into.close(sums)
    prior = rng.uniform(0.1, 1, radius + 2)
    wanted, found = into.solve(sums, prior), solve_cuda.solve(device, sums, prior)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    there = insert_cuda.brought(device, sums)
    np.testing.assert_array_equal(solve_cuda.solve(device, there, prior), found)
    monkeypatch.setattr(device, "free", lambda: 0)
    for one in (sums, there):
        np.testing.assert_array_equal(solve_cuda.solve(device, one, prior), wanted)


@pytest.mark.parametrize("box, radius", [(24, 11), (48, 7), (20, 3)])
def test_sums_that_lie_there(device: Device, box: int, radius: int) -> None:
    """Their weights, and what is made of two of them, are the host's."""
    rng = np.random.default_rng(1)
    pair = [
        into.Accumulator(box, radius, rng.uniform(0, 1, into.grid_shape(box, radius)).astype(np.float32))
        for _ in range(2)
    ]
    first, second = (insert_cuda.brought(device, one) for one in pair)
    np.testing.assert_allclose(first.shell_weight(), pair[0].shell_weight(), rtol=1e-5)
    both = first.plus(second)
    np.testing.assert_array_equal(both.get().grid, pair[0].plus(pair[1]).grid)
    assert second.take(first) is second
    np.testing.assert_array_equal(second.get().grid, both.get().grid)
    np.testing.assert_array_equal(first.get().grid, pair[0].grid)


def test_each_point_is_in_a_shell() -> None:
    """Points of a shell are as many as a plain count finds."""
    width, radius = 13, 9
    z, x = np.arange(-11, 12.0), np.arange(13.0)
    shell = np.rint(np.sqrt(z[:, None, None] ** 2 + z[:, None] ** 2 + x**2) / 2).astype(int)
    np.testing.assert_array_equal(into.shell_points(11, width, radius), np.bincount(shell.ravel())[: radius + 2])
