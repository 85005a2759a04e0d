"""Sharpening: a planted B-factor is found and undone; weights are what the FSC makes them."""

import numpy as np
import pytest

from spa.image import fft
from spa.volume.sharpen import fitted, fsc_weights, mtf_at, sharpened
from spa.volume.shells import radii

N, PIXEL = 48, 1.5
ONES = np.ones(N // 2 + 1)


def white() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((N, N, N)).astype(np.float32)


def blurred(volume: np.ndarray, bfactor: float) -> np.ndarray:
    k = radii(N) / (N * PIXEL)
    return fft.irfft3(fft.rfft3(volume) * np.exp(-bfactor / 4 * k**2).astype(np.float32), N)


@pytest.mark.parametrize("bfactor", [60.0, 150.0])
def test_a_planted_bfactor_is_found(bfactor: float) -> None:
    _, fit = sharpened(blurred(white(), bfactor), PIXEL, ONES, 10, 3.2)
    assert fit.bfactor == pytest.approx(-bfactor, abs=4)


def test_nyquist_s_shell_is_no_part_of_the_line() -> None:
    """Maps have only what of it lies within the sphere: the line through it would fall, and B with it."""
    spectrum = fft.rfft3(blurred(white(), 60)) * (radii(N) <= N / 2)
    _, fit = sharpened(fft.irfft3(spectrum, N), PIXEL, ONES, 10, 2 * PIXEL)
    assert fit.bfactor == pytest.approx(-60, abs=4)


def test_sharpening_undoes_the_blur() -> None:
    volume = white()
    back, _ = sharpened(blurred(volume, 100), PIXEL, ONES, 10, 3.2, bfactor=-100)
    inside = radii(N) < N / 2
    assert np.abs(fft.rfft3(back) - fft.rfft3(volume))[inside].max() < 1e-2 * np.abs(fft.rfft3(volume)).max()


def test_a_given_bfactor_wins() -> None:
    volume = white()
    made, fit = sharpened(volume, PIXEL, ONES, 10, 3.2, bfactor=0.0)
    inside = radii(N).ravel() < N / 2
    spectra = [fft.rfft3(v).ravel()[inside] for v in (made, volume)]
    assert np.allclose(*spectra, atol=1e-2)


def test_too_few_shells_fit_nothing() -> None:
    made, fit = sharpened(white(), PIXEL, ONES, 10, 9.5)
    assert fit.bfactor is None and np.isfinite(made).all()
    assert fitted(np.arange(5.0), np.full(5, np.nan), 10, 1) == (None, None)


def test_weights_follow_the_curve_up_to_its_first_zero() -> None:
    weights = fsc_weights(np.array([0.2, 1, 0.5, 0.1, -0.1, 0.4]))
    assert weights == pytest.approx([1, 1, np.sqrt(1 / 1.5), np.sqrt(0.2 / 1.1), 0, 0])


def test_the_mtf_is_divided_out_between_shells_too() -> None:
    volume, steepness = white(), 1.2
    spoilt = fft.irfft3(fft.rfft3(volume) * (1 - steepness * radii(N) / N).clip(0.1), N)
    back, _ = sharpened(spoilt, PIXEL, ONES, 10, 3.2, bfactor=0.0, mtf=1 - steepness * np.arange(N // 2 + 1) / N)
    inside = radii(N) < N / 2
    assert np.abs(fft.rfft3(back) - fft.rfft3(volume))[inside].max() < 1e-4 * np.abs(fft.rfft3(volume)).max()


def test_the_mtf_is_in_pixels_of_the_detector() -> None:
    curve = mtf_at(np.array([0.0, 0.5]), np.array([1.0, 0.5]), 40, 2.0, 1.0)
    assert curve[0] == 1 and curve[-1] == pytest.approx(0.75)  # the map's Nyquist is half the detector's


def test_a_lowpass_cuts() -> None:
    made, _ = sharpened(white(), PIXEL, ONES, 10, 3.2, bfactor=0.0, lowpass=8.0)
    shell = N * PIXEL / 8.0
    assert np.abs(fft.rfft3(made))[radii(N) > shell + 1].max() < 1e-2


def test_only_shells_up_to_nyquist_are_left() -> None:
    made, _ = sharpened(white(), PIXEL, ONES, 10, 3.2, bfactor=0.0)
    assert np.abs(fft.rfft3(made))[np.rint(radii(N)) > N // 2].max() < 1e-2


def test_a_strong_bfactor_at_a_fine_pixel_stays_finite() -> None:
    """Beyond Nyquist's sphere, where nothing is kept, its exponential would be past all numbers."""
    made, _ = sharpened(white(), 0.6, ONES, 10, 3, bfactor=-300)
    assert np.isfinite(made).all() and made.any()
