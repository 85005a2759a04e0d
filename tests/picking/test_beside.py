"""Peaks beside a particle that are there because of it."""

import numpy as np
import pytest

from spa.picking.beside import explained, shared


@pytest.mark.parametrize("apart", [0.0, 0.25, 0.5, 0.75, 1.0, 1.5])
def test_the_share_of_two_discs_is_that_of_their_points(apart: float) -> None:
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (400_000, 2))
    points = points[np.hypot(*points.T) <= 0.5]
    assert shared(np.array([apart]))[0] == pytest.approx((np.hypot(*(points - (apart, 0)).T) <= 0.5).mean(), abs=0.005)


def test_no_template_finds_more_beside_a_particle_than_it_is_given() -> None:
    """Of any image in a disc the best template of another disc finds what lies in both: all of that is explained."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[-60:61, -60:61]
    disc = np.hypot(y, x) <= 20
    particle = np.where(disc, rng.choice([-1.0, 1.0], disc.shape), 0.0)  # its power is even over the disc
    for shift in (10, 20, 30, 38):
        inside = np.where(np.roll(disc, shift, 1), particle, 0.0)
        own, beside = np.linalg.norm(particle), np.linalg.norm(inside)
        points = np.array([[60, 60], [60, 60 + shift]])
        assert explained(points, np.array([own, 0.93 * beside]), 40.0).tolist() == [False, True]


def test_what_is_more_or_lies_further_off_stays() -> None:
    points = np.array([[50, 50], [50, 80], [9, 50], [200, 200]])
    assert not explained(points, np.array([10.0, 9.0, 1.0, 0.5]), 40.0).any()
    assert not explained(points[:1], np.ones(1), 40.0).any() and not explained(points[:0], np.ones(0), 40.0).any()
