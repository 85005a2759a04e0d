"""On a device copies are told apart as on the host."""

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.refine.engine_cuda import Cuda
from spa.refine.problem import ALONE, Workers
from spa.relax import copies_cuda, loop
from spa.relax.copies import Copies, cross_fitted, residuals
from spa.volume.slices import reference
from spa.volume.symmetry import operators


@pytest.mark.parametrize("share", [8, 10**9])
def test_twins(puzzle, device: Device, share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Residuals of moved images, of some of them, at all copies: terms, sums, posteriors."""
    monkeypatch.setattr(copies_cuda, "SHARE", share)
    made = puzzle("C3", count=90)
    n, rng = len(made.images), np.random.default_rng(0)
    shifts = rng.normal(0, 1, (n, 2))
    noise = 1.3 * made.noise
    host = residuals(made.images, np.arange(n), made.poses, shifts, noise, reference(made.volume, 19))
    there = copies_cuda.residuals(device, made.images, made.poses, shifts, noise, made.volume)
    copies = Copies(made.turns, operators("C1"), np.ones(made.volume.shape, np.float32))
    rows, away = np.array([3, 77, 20, 21, 5]), rng.standard_normal(made.volume.shape).astype(np.float32)
    for one, other in zip(host.of(rows).scored(away, copies), there.of(rows).scored(away, copies)):
        np.testing.assert_allclose(other, one, atol=2e-3 * np.abs(one).max())
    weight = rng.dirichlet(np.ones(3), len(rows))
    one, other = host.of(rows).summed(weight, copies), there.of(rows).summed(weight, copies)
    assert one.kernels == other.kernels and np.abs(other.grid - one.grid).max() < 1e-4 * np.abs(one.grid).max()
    folds, start = [slice(0, 45), slice(45, 90)], np.eye(3)[made.turn] * 0.8 + 0.2 / 3
    found = [cross_fitted(rest, start, folds, copies, ALONE, 1)[0] for rest in (host, there)]
    assert np.abs(found[0] - found[1]).mean() < 5e-3


def test_the_consensus(puzzle, device: Device) -> None:
    made = puzzle("C3", count=90)
    none = np.zeros((90, 2))
    maps = [loop._consensus(made.images, made.poses, none, made.noise, made.turns, workers) for workers in
            (ALONE, Workers(engine=Cuda(device)))]  # fmt: skip
    assert np.abs(maps[0] - maps[1]).max() < 1e-3 * np.abs(maps[0]).max()
