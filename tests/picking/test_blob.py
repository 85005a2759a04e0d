"""Picks of one field."""

import numpy as np
import pytest

from spa.picking.blob import pick
from spa.picking.field import Scope, prepared
from spa.picking.shapes import make


@pytest.fixture(scope="module")
def balls(scene):
    rng = np.random.default_rng(31)
    truth = scene.centres(rng, 30, (260, 300), 34, 20)
    return truth, scene.micrograph(scene.density((260, 300), truth, 12), rng, 0.4)


@pytest.mark.parametrize("pixel_size", [5.0, 2.5])
def test_centres_are_found_to_a_fraction_of_a_pixel(scene, balls, pixel_size):
    """At half the pixel size the picture shows particles of half the diameter."""
    truth, image = balls
    half = pixel_size / 5
    field = prepared(image, pixel_size, Scope(100 * half, 140 * half, 20 * half))
    found = pick(field, make("ball", 120 * half, 20 * half), 4, 90 * half)
    distance = np.hypot(*(truth[:, None] - found.xy[None]).transpose(2, 0, 1)).min(axis=1)
    assert (distance < 1.5).mean() > 0.95
    near = found.xy[np.hypot(*(truth[:, None] - found.xy[None]).transpose(2, 0, 1)).argmin(axis=1)]
    assert np.abs((near - truth).mean(axis=0)).max() < 0.2  # no offset


def test_best_first_and_no_more_than_asked_for(balls):
    field = prepared(balls[1], 5.0, Scope(100, 140, 20))
    found = pick(field, make("ball", 120, 20), 4, 90, most=7)
    assert len(found) == 7 and (np.diff(found.score) <= 0).all()
    assert found.xy.shape == (7, 2) and len(found.power) == len(found.diameter) == 7


def test_the_spacing_holds(balls):
    field = prepared(balls[1], 5.0, Scope(100, 140, 20))
    xy = pick(field, make("ball", 120, 20), 0.0, 150).xy
    distance = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(xy))
    assert distance.min() * 5 > 150 - 2 * field.pixel_size


def test_sizes_tell_small_from_large(scene):
    rng = np.random.default_rng(32)
    truth = np.array([[60.0, 60.0], [160.0, 60.0], [60.0, 160.0], [160.0, 160.0]])
    image = scene.density((220, 220), truth[:2], 10.5) + scene.density((220, 220), truth[2:], 13.5)
    found = pick(prepared(scene.micrograph(image, rng, 0.3), 5.0, Scope(100, 140, 20)), make("ball", 120, 20), 4, 90)
    small = np.hypot(*(truth[:2, None] - found.xy[None]).transpose(2, 0, 1)).argmin(axis=1)
    large = np.hypot(*(truth[2:, None] - found.xy[None]).transpose(2, 0, 1)).argmin(axis=1)
    assert found.diameter[small].max() < found.diameter[large].min()


def test_nothing_above_the_threshold_is_an_empty_answer(balls):
    found = pick(prepared(balls[1], 5.0, Scope(100, 140, 20)), make("ball", 120, 20), 1e6, 90)
    assert len(found) == 0 and found.xy.shape == (0, 2)
