"""Laws of the radially sorted disc."""

import numpy as np
import pytest

from spa.image.disc import coefficients, disc, images_of, shell_mean


@pytest.mark.parametrize("box", [32, 33])
def test_the_inverse_gives_back_what_lies_in_the_band(box: int) -> None:
    band = disc(box, box // 2 - 1)
    images = np.random.default_rng(0).standard_normal((3, box, box)).astype(np.float32)
    once = coefficients(images, band)
    assert np.allclose(coefficients(images_of(once, band), band), once, atol=1e-5)


def test_white_noise_has_unit_coefficients() -> None:
    band = disc(64, 31)
    noise = np.random.default_rng(0).standard_normal((50, 64, 64)).astype(np.float32)
    planes = coefficients(noise, band)
    assert np.allclose(shell_mean((planes**2).sum(axis=1), band).mean(axis=0)[4:], 1, atol=0.15)


def test_a_band_is_a_prefix() -> None:
    band = disc(48, 20)
    for radius in (1, 7, 20):
        assert np.all(band.shell[: band.count(radius)] <= radius)
        assert np.all(band.shell[band.count(radius) :] > radius)


def test_the_disc_is_half_a_plane_without_the_mean() -> None:
    band = disc(32, 10)
    whole = {(x, y) for x, y in zip(band.kx, band.ky)}
    assert (0, 0) not in whole and all((-x, -y) not in whole for x, y in whole)
    ky, kx = np.mgrid[-11:12, -11:12]
    inside = np.rint(np.hypot(kx, ky)) <= 10
    assert 2 * len(whole) + 1 == inside.sum()


def test_a_point_at_the_centre_has_real_positive_coefficients() -> None:
    image = np.zeros((1, 32, 32), np.float32)
    image[0, 16, 16] = 32
    planes = coefficients(image, disc(32, 15))
    assert np.allclose(planes[:, 0], 1, atol=1e-5) and np.allclose(planes[:, 1], 0, atol=1e-5)
