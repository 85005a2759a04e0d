"""Surfaces over a micrograph."""

import numpy as np
import pytest

from spa.image.surface import Surface, basis, terms

SHAPE, WIDE = (200, 300), (1.0, 1.0)


def grid() -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.stack([x.ravel(), y.ravel()], axis=1)


def test_terms_over_the_micrograph_have_no_mean_but_the_first():
    means = basis(grid(), SHAPE, WIDE, 3).mean(axis=0)
    assert means[0] == 1 and np.abs(means[1:]).max() < 1e-4


def test_a_slope_is_that_of_the_surface_per_angstrom():
    surface = Surface(SHAPE, WIDE, np.array([5.0, 30.0, -20.0, 3.0, 0, 1.0]))
    centre = np.array([[149.5, 99.5]])
    step = [surface.at(centre + by)[0] - surface.at(centre - by)[0] for by in ((0.5, 0), (0, 0.5))]
    assert surface.slope(2.0) == pytest.approx(np.array(step) / 2.0)


def test_a_plane_is_carried_on_beyond_its_reach_and_a_curve_is_not():
    edge, reach = np.array([[299, 100], [225, 100]]), (0.5, 0.5)
    plane = Surface(SHAPE, reach, np.array([0, 10.0, 0]))
    curve = Surface(SHAPE, reach, np.array([0, 0, 0, 10.0, 0, 0]))
    assert plane.at(edge)[0] > plane.at(edge)[1] + 4
    assert curve.at(edge)[0] == pytest.approx(curve.at(edge)[1], abs=0.1)


def test_the_degree_follows_from_the_number_of_terms():
    assert [Surface(SHAPE, WIDE, np.zeros(len(terms(degree)))).degree for degree in range(6)] == list(range(6))
