"""Phase ramps undo shifts."""

import numpy as np

from spa.search.images import ramps


def test_a_ramp_is_the_phase_of_its_shift() -> None:
    rng = np.random.default_rng(1)
    kx, ky, shifts = rng.integers(0, 64, 500), rng.integers(-64, 64, 500), rng.normal(0, 20, (7, 2))
    phase = np.exp(2j * np.pi / 128 * (shifts[:, :1] * kx + shifts[:, 1:] * ky))
    found = ramps(shifts, kx, ky, 128)
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, phase, atol=3e-5)  # half a float32's last bit of an angle of a hundred turns
