"""Background to mean 0 and standard deviation 1."""

import numpy as np
import pytest

from spa.image.normalise import background, normalised


@pytest.fixture
def images():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:32, :32] - 16
    return (rng.normal(50, 7, (5, 32, 32)) + 30 * (np.hypot(x, y) < 8) + 0.8 * x - 1.1 * y).astype(np.float32)


@pytest.mark.parametrize("ramp", [True, False])
def test_the_background_has_mean_0_and_sd_1(images, ramp):
    outside = normalised(images, 12, ramp)[:, background(32, 12)]
    assert outside.mean(axis=1) == pytest.approx(0, abs=1e-5)
    assert outside.std(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_plane_is_removed(images):
    y, x = np.mgrid[:32, :32]
    tilted = images + (3 * x + 2 * y).astype(np.float32)
    assert normalised(tilted, 12) == pytest.approx(normalised(images, 12), abs=2e-4)


def test_without_ramp_the_particle_is_only_scaled(images):
    result = normalised(images, 12, ramp=False)
    for before, after in zip(images, result):
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] == pytest.approx(1, abs=1e-6)


def test_scale_and_offset_do_not_matter(images):
    assert normalised(40 * images - 9, 12) == pytest.approx(normalised(images, 12), abs=1e-3)


def test_a_constant_image_is_zeros():
    assert not normalised(np.full((2, 16, 16), 7, np.float32), 6).any()


def test_the_mask_leaves_out_a_disc_about_the_centre():
    mask = background(8, 2.0)
    assert not mask[4, 4] and not mask[4, 6] and mask[4, 7] and mask[0, 0]
