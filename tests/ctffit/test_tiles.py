"""Spectra of micrographs: what goes into them, and what stays out."""

import numpy as np
import pytest

from spa.ctffit.spectrum import Spectrum
from spa.ctffit.tiles import tile_spectra
from spa.errors import DataError


def wave(size: int, period: float, direction: float = 0.3) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.cos(2 * np.pi / period * (x * np.cos(direction) + y * np.sin(direction))).astype(np.float32)


def power_spectrum(image: np.ndarray, pixel_size: float, box: int = 512) -> Spectrum:
    return tile_spectra(np.asarray(image, np.float32), pixel_size, box).mean()


def strongest(spectrum) -> tuple[float, float]:
    """kx, ky (1/angstrom) of the strongest coefficient."""
    y, x = np.unravel_index(np.argmax(spectrum.power), spectrum.power.shape)
    step = 1 / (spectrum.box * spectrum.pixel_size)
    return x * step, (y - spectrum.box * (y > spectrum.box // 2)) * step


@pytest.mark.parametrize("pixel_size", [0.7, 1.4, 2.0])
def test_a_wave_is_found_at_its_frequency_whatever_the_pixel(pixel_size):
    found = strongest(power_spectrum(wave(1024, 8 / pixel_size), pixel_size, box=256))
    expected = np.array([np.cos(0.3), np.sin(0.3)]) / 8
    np.testing.assert_allclose(found, expected, atol=1 / (256 * 1.4))


def test_a_small_pixel_is_resampled_so_that_the_rings_are_sampled_as_finely():
    spectrum = power_spectrum(np.random.default_rng(0).normal(size=(1100, 1100)), 0.7, box=256)
    assert spectrum.box == 256
    assert spectrum.pixel_size == pytest.approx(1.4, rel=0.02)


def test_white_noise_is_flat():
    power = power_spectrum(np.random.default_rng(0).normal(size=(1024, 1024)), 1.5, box=128).power
    inner, outer = power[2:30, 2:30].mean(), power[34:62, 34:62].mean()
    assert inner == pytest.approx(outer, rel=0.02)


def test_a_brighter_half_does_not_outweigh_the_rest():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(512, 512)).astype(np.float32)
    image[:256] = 50 * wave(512, 10)[:256]
    image[256:] += 3 * wave(512, 4)[256:]
    power = power_spectrum(np.clip(image, -9, 9), 1.5, box=128).power
    assert strongest(power_spectrum(image[256:], 1.5, box=128))[0] == pytest.approx(np.cos(0.3) / 6, abs=0.01)
    assert power[round(128 / 4 * np.sin(0.3)), round(128 / 4 * np.cos(0.3))] > 20


def test_a_hot_pixel_changes_next_to_nothing():
    image = np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32)
    clean = power_spectrum(image, 1.5, box=128).power
    image[100, 200] = 1e7
    assert np.abs(power_spectrum(image, 1.5, box=128).power - clean).max() < 0.6
    assert np.corrcoef(power_spectrum(image, 1.5, box=128).power.ravel(), clean.ravel())[0, 1] > 0.99


def test_a_micrograph_smaller_than_the_box_gets_a_tile_of_its_size():
    spectrum = power_spectrum(np.random.default_rng(0).normal(size=(200, 300)), 1.5, box=512)
    assert spectrum.box == 200


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [(np.zeros((600, 600)), "no contrast"), (np.full((600, 600), np.nan), "not numbers"),
     (np.pad(np.ones((2, 2)), 299), "no contrast")],
    ids=["zeros", "nan", "one bright spot"],
)  # fmt: skip
def test_a_micrograph_of_nothing_is_refused(spoilt, message):
    with pytest.raises(DataError, match=message):
        power_spectrum(spoilt.astype(np.float32), 1.5, box=256)


def test_tiles_cover_the_micrograph_to_its_edges():
    tiles = tile_spectra(np.random.default_rng(0).normal(size=(700, 1000)).astype(np.float32), 1.5, box=256)
    low, high = tiles.centre.min(axis=0) - (tiles.side - 1) / 2, tiles.centre.max(axis=0) + (tiles.side - 1) / 2
    assert low.tolist() == [0, 0] and high.tolist() == [999, 699]


def test_tiles_without_contrast_are_left_out():
    image = np.random.default_rng(0).normal(size=(768, 768)).astype(np.float32)
    image[:, 400:] = 0
    tiles = tile_spectra(image, 1.5, box=256)
    assert len(tiles.centre) < 16 and np.isfinite(tiles.power).all()
