"""On a device sums are solved as on the host."""

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.volume import insert as into
from spa.volume import solve_cuda


@pytest.mark.parametrize("box, radius", [(24, 11), (48, 7)])
@pytest.mark.parametrize("kernels", [1, 2])
def test_twins(device: Device, box: int, radius: int, kernels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    sums = into.Accumulator(box, radius, rng.uniform(0, 1, into.grid_shape(box, radius)).astype(np.float32), kernels)
    into.close(sums)
    prior = rng.uniform(0.1, 1, radius + 2)
    wanted, found = into.solve(sums, prior), solve_cuda.solve(device, sums, prior)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    monkeypatch.setattr(device, "free", lambda: 0)
    np.testing.assert_array_equal(solve_cuda.solve(device, sums, prior), wanted)
