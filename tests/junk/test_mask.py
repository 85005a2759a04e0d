"""Junk is found, particles are not junk, and empty exposures have no content."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from spa.errors import DataError
from spa.junk.content import content
from spa.junk.ground import ground
from spa.junk.mask import junk

PIXEL, SIZE, DIAMETER = 4.0, 768, 120.0


def discs(points: np.ndarray, radius: float) -> np.ndarray:
    """Dark discs (radius in angstroms) at points (n, 2) x, y in pixels."""
    y, x = np.mgrid[:SIZE, :SIZE]
    disc = np.hypot(np.minimum(x, SIZE - x), np.minimum(y, SIZE - y)) * PIXEL < radius
    there = np.zeros((SIZE, SIZE))
    np.add.at(there, tuple(points.astype(int).T[::-1]), 1)
    return -np.clip(np.rint(np.fft.irfft2(np.fft.rfft2(there) * np.fft.rfft2(disc), s=there.shape)), 0, 1)


def places(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, SIZE, (count, 2))


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(SIZE, SIZE))


def mask(image: np.ndarray) -> np.ndarray:
    return junk(ground(image.astype(np.float32), PIXEL), DIAMETER).mask


@pytest.mark.parametrize("count", [10, 400])
@pytest.mark.parametrize("contrast", [0.5, 2.0])
def test_particles_are_no_junk_few_or_many_faint_or_strong(count, contrast):
    assert mask(contrast * discs(places(count), DIAMETER / 2) + noise()).mean() < 0.002


def test_noise_and_a_slope_of_the_light_are_no_junk():
    slope = np.linspace(-5, 5, SIZE)[:, None] + np.linspace(0, 3, SIZE) ** 2
    assert not mask(slope + noise()).any()


def test_a_crystal_is_junk_and_little_else():
    crystal = discs(np.array([[500, 250]]), 500.0)
    found = mask(6 * crystal + 0.7 * discs(places(300), DIAMETER / 2) + noise())
    factor = SIZE // len(found)
    inside = crystal[::factor, ::factor] < 0
    assert found[inside].mean() > 0.97
    near = gaussian_filter(inside.astype(float), DIAMETER / PIXEL / factor) > 1e-3
    assert found[~near].mean() < 0.005


def test_a_region_of_another_texture_is_junk():
    image, rng = noise(), np.random.default_rng(1)
    image[:, :200] += gaussian_filter(rng.normal(size=(SIZE, 200)), 1.5) * 12
    found = mask(image)
    factor = SIZE // len(found)
    assert found[:, : 180 // factor].mean() > 0.9 and found[:, 260 // factor :].mean() < 0.01


def test_content_is_near_nothing_for_noise_and_grows_with_particles():
    few, many = (content(ground((discs(places(n), 30.0) * 2 + noise()).astype(np.float32), PIXEL)) for n in (0, 2000))
    assert abs(few) < 0.1 and many > few + 0.1


def test_coarse_lumps_are_the_opposite_of_content():
    lumps = gaussian_filter(noise(1), 25) * 60
    assert content(ground((lumps + noise()).astype(np.float32), PIXEL)) < -0.5


@pytest.mark.parametrize(
    ("image", "why"),
    [(np.zeros((400, 400)), "no contrast"), (np.full((400, 400), np.nan), "not num"), (np.ones((20, 20)), "too few")],
)
def test_images_of_nothing_are_refused(image, why):
    with pytest.raises(DataError, match=why):
        ground(image.astype(np.float32), PIXEL)


@pytest.mark.parametrize("share", [0.15, 0.3, 0.42])
def test_carbon_is_junk_however_much_there_is_of_it(share):
    """Its grain is stronger than the ice's, its light but a step that a slope hides."""
    edge = int(share * SIZE)
    image = 1.5 * discs(places(300), DIAMETER / 2) + noise()
    image[:, :edge] = 1.8 * noise(1)[:, :edge] - 1
    found = mask(image)
    edge = edge * len(found) // SIZE
    assert found[:, : edge - 4].mean() > 0.9
    assert found[:, edge + 12 :].mean() < 0.01


def test_a_crystal_is_junk_beside_carbon_too():
    """Carbon is much darker than all else: with a say in the ground's slope and spread it would hide a crystal."""
    crystal = discs(np.array([[550, 300]]), 260.0)
    y, x = np.mgrid[:SIZE, :SIZE]
    away = np.hypot(y - 300, x - 1800)
    carbon = away > np.quantile(away, 0.7)  # about a hole
    image = 1.5 * crystal + 0.5 * discs(places(200), DIAMETER / 2) + noise()
    alone = mask(image)
    image[carbon] += 2 * noise(1)[carbon] - 12
    found = mask(image)
    factor = SIZE // len(found)
    inside, cover = crystal[::factor, ::factor] < 0, carbon[::factor, ::factor]
    assert alone[inside].mean() > 0.95 and found[inside].mean() > 0.95 and found[cover].mean() > 0.95
    near = gaussian_filter((inside | cover).astype(float), DIAMETER / PIXEL / factor) > 1e-3
    assert found[~near].mean() < 0.005
