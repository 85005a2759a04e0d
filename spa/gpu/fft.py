"""Real Fourier transforms of arrays on a device; no factor in either direction."""

import numpy as np

from spa.gpu.array import Array


def rfft(x: Array, axes: int) -> Array:
    """Half spectra (…, n//2+1) complex64 of x (…, n) float32 over its last axes (1 to 3)."""
    out = x.device.empty(*x.shape[:-1], x.shape[-1] // 2 + 1, dtype=np.complex64)
    x.device.driver.rfft(x, out, axes)
    return out


def irfft(x: Array, last: int, axes: int) -> Array:
    """Arrays (…, last) float32 of half spectra x (…, last//2+1), which are lost; size times NumPy's."""
    assert x.shape[-1] == last // 2 + 1, (x.shape, last)
    out = x.device.empty(*x.shape[:-1], last)
    x.device.driver.irfft(x, out, axes)
    return out
