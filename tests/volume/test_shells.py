"""Shells of a half spectrum."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.image import fft
from spa.volume.shells import apply_radial, lowpass, power, radial, radii, raised_cosine, require_cube, shell_counts

N = 24


def noise(n: int = N) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, n, n)).astype(np.float32)


@pytest.mark.parametrize("n", [24, 25])
def test_counts_are_those_of_the_full_transform(n: int) -> None:
    k = np.fft.fftfreq(n, 1 / n)
    shell = np.rint(np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + k**2)).astype(int)
    assert np.array_equal(shell_counts(n), np.bincount(shell.ravel())[: n // 2 + 1])


def test_power_of_white_noise_is_flat() -> None:
    assert power(noise(32))[3:] == pytest.approx(32**3, rel=0.2)


def test_a_radial_curve_multiplies() -> None:
    assert np.allclose(apply_radial(noise(), np.full(50, 2.0)), 2 * noise(), atol=1e-4)
    low = apply_radial(noise(), np.array([1.0, 1, 1, 0]))
    assert np.abs(fft.rfft3(low))[radii(N) >= 3].max() < 1e-3


def test_a_lowpass_keeps_what_is_coarser() -> None:
    spectrum, before = fft.rfft3(lowpass(noise(), 2.0, 8.0)), fft.rfft3(noise())
    shell = N * 2.0 / 8.0
    r = radii(N)
    assert np.allclose(spectrum[r < shell - 1], before[r < shell - 1], atol=1e-2)
    assert np.abs(spectrum[r > shell + 1]).max() < 1e-2


def test_a_raised_cosine_is_half_in_the_middle() -> None:
    assert raised_cosine(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 2, 4) == pytest.approx([1, 1, 0.5, 0, 0])
    assert raised_cosine(np.array([1.0, 2.0, 2.1]), 2, 2) == pytest.approx([1, 1, 0])


def test_only_cubes_are_taken() -> None:
    assert require_cube(noise()) == N
    with pytest.raises(DataError, match="cubic volume is needed, not 24 x 24 x 23"):
        require_cube(noise()[:, :, 1:])


@pytest.mark.parametrize("n", [20, 21])
def test_what_is_not_transformed_is_nothing(n: int) -> None:
    """A low-pass that leaves columns out gives the bytes of one that transforms them all."""
    volume = np.random.default_rng(0).standard_normal((n, n, n)).astype(np.float32)
    curve = np.linspace(1, 0.2, 5)
    whole = radial(fft.rfft3(volume), lambda far: np.interp(far, np.arange(5), curve, right=0.0))
    np.testing.assert_array_equal(apply_radial(volume, curve), fft.irfft3(whole, n))
