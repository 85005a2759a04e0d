"""The working image: the particle's size in it, places there and back, and what cannot be worked on."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from spa.errors import DataError
from spa.picking.network import STEP
from spa.picking.working import ACROSS, working


def disc(pixel_size: float, diameter: float, centre: tuple[int, int], noise: float = 0.1) -> np.ndarray:
    """A micrograph (dark particle on noise)."""
    shape = (300, 340)
    y, x = np.ogrid[: shape[0], : shape[1]]
    hole = np.hypot(y - centre[0], x - centre[1]) * pixel_size < diameter / 2
    return np.random.default_rng(0).normal(0, noise, shape).astype(np.float32) - 2 * hole


@pytest.mark.parametrize("pixel_size", [2.0, 5.0])
def test_a_particle_spans_the_same_number_of_pixels(pixel_size: float) -> None:
    diameter = 36 * pixel_size
    made = working(disc(pixel_size, diameter, (150, 170), 0.6), pixel_size, diameter)
    around = gaussian_filter(made.image, 1)
    area = (around > np.percentile(around, 99.7) / 2).sum()
    assert 2 * np.sqrt(area / np.pi) == pytest.approx(ACROSS, rel=0.1)


def test_protein_is_bright_and_white_turns_it_round() -> None:
    image = disc(4, 100, (150, 170))
    assert working(image, 4, 100).image.max() > 5
    assert np.allclose(working(-image, 4, 100, white=True).image, working(image, 4, 100).image)


def test_places_there_and_back() -> None:
    made = working(disc(3, 90, (101, 203)), 3, 90)
    xy = np.array([[203.0, 101.0], [0.0, 0.0], [339.0, 299.0]])
    assert np.allclose(made.to_micrograph(made.from_micrograph(xy)), xy)
    row, column = made.from_micrograph(xy)[0]
    around = made.image[int(row) - 8 : int(row) + 9, int(column) - 8 : int(column) + 9]
    assert around.mean() > 2


def test_brightness_and_contrast_do_not_matter() -> None:
    image = disc(4, 100, (150, 170))
    assert np.allclose(working(image, 4, 100).image, working(200 + 37 * image, 4, 100).image, atol=1e-2)


def test_peaks_are_places_of_the_micrograph() -> None:
    made = working(disc(4, 100, (150, 170)), 4, 100)
    odds = np.full(tuple((n + 1) // STEP for n in made.image.shape), -5.0)
    odds[20, 30], odds[21, 32], odds[60, 10] = 3, 2, 1
    found = made.found(odds, 0, 0.5)
    xy = made.to_micrograph(np.array([[40, 60], [120, 20]]))
    assert np.allclose(found, np.column_stack([xy, [3, 1]]), atol=0.6 * made.step.max() * STEP)
    assert len(made.found(odds, 0, 0.5, most=1)) == 1 and made.found(odds, 9, 0.5).shape == (0, 3)


@pytest.mark.parametrize("pixel_size, diameter, said", [(4, 700, "to look for"), (100, 20, "to be seen")])
def test_what_cannot_be_worked_on(pixel_size: float, diameter: float, said: str) -> None:
    with pytest.raises(DataError, match=said):
        working(np.random.default_rng(0).normal(size=(300, 900)).astype(np.float32), pixel_size, diameter)
