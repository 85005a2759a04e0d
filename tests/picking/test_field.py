"""A micrograph made ready for picking."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.image.ctf import Lens
from spa.picking.field import Contrast, Scope, prepared, radial_power

SCOPE = Scope(100, 140, 20)


def noise(shape=(300, 360), seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def test_background_slopes_and_uneven_contrast_are_evened_out():
    y, x = np.mgrid[:300, :360]
    field = prepared(noise() * (1 + x / 200) + 0.01 * y + 1000, 5.0, SCOPE)
    left, right = field.image[30:-30, 30:80], field.image[30:-30, -80:-30]
    assert left.std() == pytest.approx(right.std(), rel=0.25)
    assert abs(field.image[30:60].mean() - field.image[-60:-30].mean()) < 0.05


def test_protein_is_bright_in_it():
    image = noise()
    image[140:160, 170:190] -= 5
    assert prepared(image, 5.0, SCOPE).image[75:85, 90:100].mean() > 1 or prepared(image, 5.0, SCOPE).image.max() > 3
    dark, white = prepared(image, 5.0, SCOPE), prepared(-image, 5.0, SCOPE, white=True)
    assert dark.image == pytest.approx(white.image, abs=1e-4)


def test_pixels_of_the_micrograph_are_found_again():
    field = prepared(noise(), 2.0, Scope(100, 140, 20))
    assert (field.step > 3).all()
    assert field.to_micrograph(np.array([[0.0, 0.0]])).tolist() == [[0, 0]]
    y, x = field.step * (10, 20)
    assert field.to_micrograph(np.array([[10.0, 20.0]])) == pytest.approx(np.array([[x, y]]))


def test_the_whitened_image_is_white_in_the_band():
    image = noise((400, 400))
    smooth = image + 3 * np.roll(image, 1, 0) + 3 * np.roll(image, 1, 1)
    field = prepared(smooth, 5.0, SCOPE)
    power, frequency = radial_power(field.white_ft, field.k, field.pixel_size)
    band = power[(frequency > 1 / 120) & (frequency < 1 / 30)]
    assert band.max() / band.min() < 2.5


def test_borders_that_repeat_a_line_are_cut_off():
    image = noise()
    image[:20], image[:, -30:] = image[20], image[:, -31:-30]
    field = prepared(image, 5.0, SCOPE)
    assert field.corner.tolist()[0] in (19, 20) and field.corner[1] == 0
    assert field.image.shape[1] * field.step[1] == pytest.approx(331, abs=2)


def test_hot_pixels_do_not_matter():
    image = noise()
    hot = image.copy()
    hot[50, 60], hot[200, 100] = 1e6, -1e5
    assert np.abs(prepared(hot, 5.0, SCOPE).image - prepared(image, 5.0, SCOPE).image).mean() < 0.01


@pytest.mark.parametrize("image", [np.zeros((300, 300)), np.full((300, 300), 7.0)])
def test_an_empty_micrograph_is_refused(image):
    with pytest.raises(DataError, match="pixels are all equal"):
        prepared(image, 5.0, SCOPE)


def test_one_bright_spot_is_nothing():
    image = np.zeros((300, 300))
    image[150, 150] = 100
    with pytest.raises(DataError, match="all equal"):
        prepared(image, 5.0, SCOPE)


def test_a_micrograph_smaller_than_a_particle_is_refused():
    with pytest.raises(DataError, match="too small"):
        prepared(noise((30, 30)), 5.0, SCOPE)


def test_the_ctf_is_1_where_it_is_not_known_and_low_contrast_at_0():
    assert prepared(noise(), 5.0, SCOPE).ctf == 1.0
    contrast = Contrast(Lens(300, 2.7, 0.1), 15000, 14000, 0.3)
    assert prepared(noise(), 5.0, SCOPE, contrast).ctf[0, 0] == pytest.approx(0.1, abs=1e-3)


def test_the_middle_of_a_field_knows_where_it_is():
    field = prepared(noise(), 5.0, SCOPE)
    middle = field.middle(40)
    assert middle.image.shape == (40, 40)
    top = (field.image.shape[0] - 40) // 2
    assert middle.to_micrograph(np.zeros((1, 2)))[0, 1] == pytest.approx(top * field.step[0])


def test_junk_has_no_say_and_noise_takes_its_place():
    image = noise((400, 400))
    dirty = image.copy()
    dirty[:, 260:] += 30 * np.sin(np.arange(140)) + 20
    junk = np.zeros((100, 100), np.int8)
    junk[:, 64:] = 1
    field = prepared(dirty, 5.0, SCOPE, junk=junk)
    x = np.arange(field.image.shape[1]) * field.step[1]
    reach = SCOPE.smallest / 2 / 5.0
    assert not field.clear[:, x > 256 - reach + 5].any() and field.clear[:, x < 256 - reach - 5].all()
    assert field.image[:, x > 280].std() == pytest.approx(field.image[:, x < 220].std(), rel=0.1)
    like = prepared(image, 5.0, SCOPE).image
    assert np.corrcoef(field.image[field.clear], like[field.clear])[0, 1] > 0.98
    assert len(field.free(np.array([[10, 10], [10, len(x) - 5]]))) == 1
