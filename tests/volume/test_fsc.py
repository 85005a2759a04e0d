"""Fourier shell correlation: its laws, and the correction by random phases."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.image import fft
from spa.volume import fsc as module
from spa.volume.fsc import corrected, crossing, fsc, independent, masked_curves, randomise_phases, resolution_at
from spa.volume.masks import soft_sphere
from spa.volume.shells import radii, shell_counts

N = 32


def noise(seed: int, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, n, n)).astype(np.float32)


@pytest.mark.parametrize("n", [24, 25, 32])
def test_a_map_correlates_fully_with_itself(n: int) -> None:
    curve = fsc(noise(0, n), noise(0, n))
    assert curve.shape == (n // 2 + 1,)
    assert np.allclose(curve, 1, atol=1e-6)


def test_scale_does_not_matter_and_sign_does() -> None:
    a = noise(0)
    assert np.allclose(fsc(a, 7 * a), 1, atol=1e-6)
    assert np.allclose(fsc(a, -a), -1, atol=1e-6)


def test_independent_noise_correlates_within_its_error() -> None:
    curve = fsc(noise(1), noise(2))
    z = curve * np.sqrt(shell_counts(N) / 2)  # Friedel mates are not independent
    assert np.abs(z[1:]).max() < 4.5
    assert 0.5 < z[1:].std() < 1.6


def test_signal_and_noise_of_known_ratio_give_the_known_curve() -> None:
    signal = noise(3, 48)
    a, b = signal + noise(4, 48), signal + noise(5, 48)
    assert np.allclose(fsc(a, b)[8:], 0.5, atol=0.06)


@pytest.mark.parametrize("n", [16, 17])
def test_shells_are_those_of_the_full_transform(n: int) -> None:
    a, b = noise(6, n), noise(7, n)
    k = np.fft.fftfreq(n, 1 / n)
    shell = np.rint(np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + k**2)).astype(int)
    x, y = np.fft.fftn(a), np.fft.fftn(b)
    expected = [
        (x * y.conj())[shell == s].real.sum()
        / np.sqrt((abs(x) ** 2)[shell == s].sum() * (abs(y) ** 2)[shell == s].sum())
        for s in range(n // 2 + 1)
    ]
    assert np.allclose(fsc(a, b), expected, atol=1e-5)


def test_an_empty_map_gives_zero_and_no_warning() -> None:
    assert np.array_equal(fsc(np.zeros((N, N, N)), noise(0)), np.zeros(N // 2 + 1))


def test_resolution_is_that_of_the_last_shell_above() -> None:
    curve = np.array([1, 0.9, 0.5, 0.2, 0.1, 0.3, 0])
    assert crossing(curve, 0.143) == 3
    assert resolution_at(curve, 0.143, 12, 2.0) == 8.0
    assert resolution_at(np.ones(7), 0.143, 12, 2.0) == 4.0
    assert resolution_at(np.zeros(7), 0.143, 12, 2.0) == 24.0


MANY = np.full(200, 1e4)  # coefficients that leave no doubt


def test_a_single_shell_without_signal_does_not_end_a_curve() -> None:
    curve = np.array([1, 0.9, 0.8, 0.1, 0.7, 0.5, 0.05, 0.02, 0.4])
    assert crossing(curve, 0.143, MANY[:9]) == 5
    assert crossing(np.ones(9), 0.143) == 8
    assert crossing(np.zeros(9), 0.143) == 1


def test_a_curve_ends_at_a_shell_above_the_threshold() -> None:
    curve = np.array([1, 0.9, 0.8, 0.1, 0.12, 0.2, 0.2, 0.2, 0.0, 0.0, 0.0, 0.0])
    few = np.full(12, 50.0)  # 0.143 stands out of nothing in four shells
    assert crossing(curve, 0.143, few) == 7
    assert crossing(curve, 0.143, MANY[:12]) == 2
    assert crossing(curve[:6], 0.143, MANY[:6]) == 2


def test_the_fewer_coefficients_the_less_a_shell_of_noise_adds_to_a_curve() -> None:
    rng = np.random.default_rng(0)
    noise = [rng.standard_normal(40) / np.sqrt(40) for _ in range(200)]
    curves = [np.concatenate([np.ones(10), one]) for one in noise]  # 40 coefficients in each shell beyond the ninth
    first = np.array([int(np.argmax(one < 0.143)) - 1 for one in curves])
    found = np.array([crossing(one, 0.143, np.full(50, 40.0)) for one in curves])
    assert first.mean() - 0.05 < found.mean() < first.mean() + 0.1
    assert np.mean([crossing(one, 0.143, MANY[:50]) for one in curves]) > found.mean()


def test_a_dip_at_coarse_shells_does_not_end_a_curve_whose_window_is_mostly_noise() -> None:
    """Of a group of 24 what tells 0.143 from nothing takes shells 3 to 24, twice as far as there is signal."""
    free = independent(64, 0.15, 24)
    curve = np.where(np.arange(33) < 13, 0.9, 0.0)
    curve[3:5] = 0.05
    assert crossing(curve, 0.143, free) == 12
    curve[5:] = 0.0
    assert crossing(curve, 0.143, free) == 2


def test_a_curve_that_dips_by_chance_ends_where_its_signal_does() -> None:
    rng = np.random.default_rng(1)
    free = independent(96, symmetry=4)
    signal = np.where(np.arange(49) <= 24, 0.25, 0.0)
    curves = [np.tanh(np.arctanh(signal) + rng.standard_normal(49) / np.sqrt(np.maximum(free, 4))) for _ in range(100)]
    for curve in curves:
        curve[:12] = 0.9
    first = np.array([int(np.argmax(one < 0.143)) - 1 for one in curves])
    found = np.array([crossing(one, 0.143, free) for one in curves])
    assert abs(found - 24).mean() < 0.5 * abs(first - 24).mean()
    assert (found > 25).mean() < 0.1


def test_random_phases_keep_amplitudes_and_what_lies_below() -> None:
    spectrum = fft.rfft3(noise(0))
    turned = randomise_phases(spectrum, 6, np.random.default_rng(1))
    below = radii(N) < 6
    assert np.array_equal(turned[below], spectrum[below])
    assert np.allclose(abs(turned), abs(spectrum), rtol=1e-4)
    again = fft.rfft3(fft.irfft3(turned, N))  # still the spectrum of a real map
    assert np.allclose(again, turned, atol=1e-3 * abs(spectrum).max())
    phase = np.angle(turned[~below] / spectrum[~below])
    assert abs(np.exp(1j * phase).mean()) < 0.03


def test_correction_starts_two_shells_beyond_the_randomisation() -> None:
    masked, randomised = np.full(8, 0.6), np.full(8, 0.2)
    assert np.allclose(corrected(masked, randomised, 3), [0.6] * 5 + [0.5] * 3)
    assert np.allclose(corrected(randomised, masked, 3)[5:], 0)


def blob() -> np.ndarray:
    return 40 * soft_sphere(N, 5, 3) * np.sign(noise(9) + 0.5)


def test_the_correction_takes_away_what_the_mask_makes() -> None:
    """Two noise maps correlate under a tight mask only; the corrected curve does not."""
    low = 30 * soft_sphere(N, 8, 6)
    a, b = low + noise(1), low + noise(2)
    tight = soft_sphere(N, 4, 3)
    rngs = [np.random.default_rng(s) for s in range(4)]
    curves = masked_curves(a, b, tight, soft_sphere(N, 12, 3), rngs)
    beyond = slice(curves.randomised_from + module.MARGIN, None)
    assert np.abs(curves.masked[beyond] - curves.randomised[beyond]).mean() < 0.25
    assert curves.corrected[beyond].mean() < 0.2
    assert curves.unmasked[curves.randomised_from] < 0.8 <= curves.unmasked[1 : curves.randomised_from].min()


def test_a_wide_mask_changes_nothing() -> None:
    a = blob()
    pair = a + noise(1), a + noise(2)
    ones = np.ones_like(a)
    curves = masked_curves(*pair, ones, ones, [np.random.default_rng(0)])
    assert np.allclose(curves.masked, curves.unmasked, atol=1e-6)
    assert np.allclose(curves.spherical, curves.unmasked, atol=1e-6)


def test_the_shell_to_randomise_from_may_be_given() -> None:
    ones = np.ones((N, N, N))
    curves = masked_curves(noise(1), noise(2), ones, ones, [np.random.default_rng(0)], shell=9)
    assert curves.randomised_from == 9


def test_boxes_that_differ_are_named() -> None:
    with pytest.raises(DataError, match="32 and 16"):
        fsc(noise(0), noise(0, 16))
    with pytest.raises(DataError, match="mask: box 16"):
        masked_curves(noise(0), noise(1), noise(0, 16), noise(0), [np.random.default_rng(0)])
    with pytest.raises(DataError, match="cubic"):
        fsc(noise(0)[:16], noise(0)[:16])


@pytest.mark.parametrize("n", [20, 21])
@pytest.mark.parametrize("last", [5, 9])
def test_a_curve_that_ends_is_the_same_up_to_there(n: int, last: int) -> None:
    a, b = np.random.default_rng(3).standard_normal((2, n, n, n)).astype(np.float32)
    whole, found = fsc(a, a + b), fsc(a, a + b, last=last)
    np.testing.assert_allclose(found[: last + 1], whole[: last + 1], rtol=1e-5)
    assert len(found) == len(whole) and not found[last + 1 :].any()
