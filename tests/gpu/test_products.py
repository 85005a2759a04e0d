"""Products on a device are NumPy's, in TF32 where they need not be exact."""

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.gpu.gemm import inner, product


@pytest.mark.parametrize("exact", [False, True])
def test_both_ways(device: Device, exact: bool) -> None:
    rng, close = np.random.default_rng(0), {"atol": 1e-4 if exact else 5e-2}
    a, b, c = (rng.standard_normal(shape).astype(np.float32) for shape in ((7, 40), (5, 40), (7, 9)))
    d_a, d_b, d_c = map(device.array, (a, b, c))
    assert np.allclose(product(d_a, d_b, exact=exact).get(), a @ b.T, **close)
    out = device.zeros(40, 9)
    for times in (1, 2):  # it is added to what is there
        inner(d_a, d_c, out, exact)
        assert np.allclose(out.get(), times * a.T @ c, **close)
