"""Transforms on a device are NumPy's, but for the factor that neither direction has."""

import numpy as np
import pytest

from spa.gpu import fft
from spa.gpu.device import Device


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_there_and_back(device: Device, axes: int) -> None:
    x = np.random.default_rng(0).standard_normal((3, 6, 8, 10)).astype(np.float32)
    found = fft.rfft(device.array(x), axes)
    wanted = np.fft.rfftn(x, axes=range(-axes, 0))
    assert np.allclose(found.get(), wanted, atol=1e-5 * np.abs(wanted).max())
    size = np.prod(x.shape[-axes:])
    assert np.allclose(fft.irfft(found, x.shape[-1], axes).get(), size * x, atol=1e-5 * size)
