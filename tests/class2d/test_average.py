"""The M-step: averages to scale, honest curves, centring."""

import numpy as np
import pytest

from spa.class2d import average, loop
from spa.class2d.expect import expect
from spa.class2d.plane import Plane, resampled

from .conftest import BOX, DIAMETER, PIXEL, Planted
from .test_expect import made, unseen


@pytest.fixture(scope="module")
def sums(planted: Planted) -> np.ndarray:
    """(4, 3, cells, 3) with the planted shapes as averages."""
    m = made(planted, 20)
    fold = loop.fold_of(len(planted.images))
    parts = [expect(planted.images, np.flatnonzero(fold == f), m, *unseen(planted)).sums for f in range(loop.FOLDS)]
    return np.stack(parts)


def test_averages_are_the_shapes_on_their_grey_scale(planted: Planted, sums: np.ndarray) -> None:
    plane = Plane(BOX, 20)
    found = average.averages(plane, sums, DIAMETER / PIXEL, 20).images
    circle = average.circle(plane.small, 10, 1) > 0.5
    truth = resampled(planted.shapes, plane.small)
    for one, shape in zip(found, truth):
        slope, _ = np.polyfit(shape[circle], one[circle], 1)
        assert np.corrcoef(one[circle], shape[circle])[0, 1] > 0.97 and 0.85 < slope < 1.1


def test_averages_without_a_fold_differ_by_little(sums: np.ndarray) -> None:
    found = average.averages(Plane(BOX, 20), sums, DIAMETER / PIXEL, 20)
    for other in map(found.others, range(loop.FOLDS)):
        assert other.shape == found.images.shape
        assert np.corrcoef(other.ravel(), found.images.ravel())[0, 1] > 0.98


def test_noise_has_no_resolution_and_next_to_no_average() -> None:
    rng, plane = np.random.default_rng(0), Plane(BOX, 20)
    noise = rng.normal(size=(4, 2, plane.cells, 3)).astype(np.float32)
    noise[..., 2] = 1.0
    found = average.averages(plane, noise, DIAMETER / PIXEL, 20)
    assert (average.resolution_shell(found.frc) <= 3).all()


def test_the_limit_cuts_the_curve(sums: np.ndarray) -> None:
    found = average.averages(Plane(BOX, 20), sums, DIAMETER / PIXEL, 6)
    assert (found.frc[:, 7:] == 0).all() and (average.resolution_shell(found.frc) <= 6).all()


def test_empty_classes_give_empty_averages(sums: np.ndarray) -> None:
    empty = sums.copy()
    empty[:, 1] = 0
    found = average.averages(Plane(BOX, 20), empty, DIAMETER / PIXEL, 20)
    assert np.isfinite(found.images).all() and np.abs(found.images[1]).max() == 0


def test_moved_sums_give_moved_averages(sums: np.ndarray) -> None:
    plane = Plane(BOX, 20)
    there = average.averages(plane, sums, DIAMETER / PIXEL, 20).images
    shift = np.array([[2.0, 0.0], [0.0, -1.5], [1.0, 1.0]], np.float32)
    moved = average.averages(plane, average.moved(plane, sums, shift), DIAMETER / PIXEL, 20).images
    step = average.off_centre(moved) - average.off_centre(there)
    assert np.allclose(step * plane.box / plane.small, shift, atol=0.5)
