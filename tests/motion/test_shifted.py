"""Spectra kept as whole numbers say what they did, and what is too large for them is cut off, not turned over."""

import numpy as np

from spa.motion import shifted


def test_spectra_are_kept_to_half_a_unit_and_cut_off_where_two_bytes_end() -> None:
    rng = np.random.default_rng(1)
    spectra = (300 * (rng.normal(size=(2, 8, 6)) + 1j * rng.normal(size=(2, 8, 6)))).astype(np.complex64)
    spectra[1, 2, 3] = 1e6 - 1e6j
    rows, factors = np.array([0, 1, 2, 7]), rng.uniform(0.5, 2, (4, 5)).astype(np.float32)
    real, imag = np.empty((2, 2, 4, 5), np.int16)
    shifted.kept(spectra, rows, factors, real, imag)
    wanted = spectra[:, rows, :5] * factors
    assert (real[1, 2, 3], imag[1, 2, 3]) == (32767, -32767)
    assert np.abs(real - np.clip(wanted.real, -32767, 32767)).max() < 0.501
    assert np.abs(imag - np.clip(wanted.imag, -32767, 32767)).max() < 0.501


def test_whitened_spectra_shifted_back_add_up_as_they_would_in_full_precision() -> None:
    rng = np.random.default_rng(2)
    shape, unit = (3, 9, 7), shifted.UNIT
    there = np.rint(2000 * rng.normal(size=(2, *shape))).astype(np.int16)
    factors, power = rng.uniform(0.05, 0.2, shape).astype(np.float32), np.zeros(shape[1:], np.float32)
    exact = (there[0] + 1j * there[1]) * factors / unit
    shifted.scale(*there, factors, power)
    np.testing.assert_allclose(power / unit**2, (abs(exact) ** 2).sum(0), rtol=1e-5)
    kx, ky = np.arange(7, dtype=np.float32) / 12, np.fft.fftfreq(9).astype(np.float32)
    shifts, out = rng.normal(size=(3, 2)), np.zeros((2, *shape[1:]), np.float32)
    shifted.add_shifted(*there, kx, ky, np.full(9, 7, np.int32), shifts, out)
    turn = np.exp(2j * np.pi * (shifts[:, 0, None, None] * kx + shifts[:, 1, None, None] * ky[:, None]))
    np.testing.assert_allclose(out[0] + 1j * out[1], (exact * turn).sum(0), atol=3 * 0.75 / unit)
