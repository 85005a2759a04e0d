"""Cutting the Fourier transform."""

import numpy as np
import pytest

from spa.image import fft
from spa.image.resample import coarser, fourier_resized, stretched


def wave(shape, ky, kx):
    y, x = (np.arange(n) / n for n in shape)
    return np.cos(2 * np.pi * (ky * y[:, None] + kx * x[None]) + 0.4).astype(np.float32)


@pytest.mark.parametrize("target", [(20, 24), (40, 48), (80, 96)])
def test_what_the_grid_holds_is_kept(target):
    assert fourier_resized(wave((40, 48), 3, -5), target) == pytest.approx(wave(target, 3, -5), abs=1e-5)


def test_what_it_cannot_hold_is_gone():
    assert np.abs(fourier_resized(wave((40, 48), 3, 15), (20, 24))).max() < 1e-5


def test_pixel_zero_stays_and_the_mean_too():
    image = np.random.default_rng(1).normal(3, 1, (2, 32, 32)).astype(np.float32)
    small = fourier_resized(image, (16, 16))
    assert small.mean(axis=(1, 2)) == pytest.approx(image.mean(axis=(1, 2)), abs=1e-5)
    y, x = np.mgrid[:32, :32]
    blob = np.exp(-((y - 16) ** 2 + (x - 16) ** 2) / 30).astype(np.float32)
    assert np.unravel_index(fourier_resized(blob, (16, 16)).argmax(), (16, 16)) == (8, 8)


def test_white_noise_stays_white_of_a_quarter_of_the_power():
    noise = np.random.default_rng(2).normal(0, 1, (40, 64, 64)).astype(np.float32)
    assert fourier_resized(noise, (32, 32)).std() == pytest.approx(0.5, rel=0.02)


def test_the_same_size_is_the_same_image():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert (fourier_resized(image, (3, 4)) == image).all()


def test_the_left_of_a_half_spectrum_is_that_of_the_whole() -> None:
    images = np.random.default_rng(2).normal(size=(2, 150, 96)).astype(np.float32)
    left = fft.rfft2_left(images, 13)
    assert left.shape == (2, 150, 13)
    assert np.abs(left - fft.rfft2(images)[..., :13]).max() < 1e-4


def test_a_stretched_image_is_the_scene_at_its_places():
    def scene(size, pixel):
        y, x = (pixel * (np.arange(size) - size // 2) for _ in range(2))
        return np.exp(-((y[:, None] - 3.3) ** 2 + (x[None] + 5.1) ** 2) / (2 * 2.7**2)).astype(np.float32)

    for size, step in ((30, 1.0), (26, 1.2136), (20, 1.5)):
        assert stretched(scene(32, 1.0)[None], size, step)[0] == pytest.approx(scene(size, step), abs=2e-3), step


def test_by_a_whole_number_it_is_what_cutting_the_transform_gives():
    image = fourier_resized(np.random.default_rng(1).normal(0, 1, (3, 20, 20)).astype(np.float32), (64, 64))
    assert stretched(image, 32, 2.0) == pytest.approx(fourier_resized(image, (32, 32)), abs=1e-5)


def test_stretched_noise_stays_white():
    noise = np.random.default_rng(2).normal(0, 1, (400, 48, 48)).astype(np.float32)
    power = (np.abs(np.fft.fft2(stretched(noise, 36, 1.31))) ** 2).mean(0) / 36**2
    assert power[:15, :15] == pytest.approx(np.full((15, 15), 1 / 1.31**2), rel=0.35)


@pytest.mark.parametrize("shape", [(120, 128), (124, 133), (118, 131)])  # quick, and with factors of 31, 19, 59, 131
def test_coarser_pixels_lie_where_they_are_said_to(shape):
    y, x = (np.arange(n) for n in shape)
    image = (np.cos(y[:, None] / 6) * np.sin(x / 7 + 1)).astype(np.float32)
    small, step = coarser(image, 3.0)
    assert all(2.5 < by <= 3.2 for by in step)
    assert [int((n - 1) / by) + 1 for n, by in zip(shape, step)] == list(small.shape)
    at = [by * np.arange(n) for by, n in zip(step, small.shape)]
    there = np.cos(at[0][:, None] / 6) * np.sin(at[1] / 7 + 1)
    assert small[4:-4, 4:-4] == pytest.approx(there[4:-4, 4:-4], abs=0.05)
