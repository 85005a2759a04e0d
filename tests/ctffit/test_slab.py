"""Tilted, bent and thick ice: what is planted is found, what is not there is not."""

import numpy as np
import pytest

from spa.ctffit.fit import Fit, fit_ctf
from spa.ctffit.search import Bounds
from spa.image.ctf import Lens
from spa.image.surface import Surface
from spa.simulate.slab import Slab, View, seen_ice

LENS, PIXEL, SIZE = Lens(300.0, 2.7, 0.1), 1.4, 1024


def seen(slab: Slab, mean: float = 15000.0, lens: Lens = LENS, bfactor: float = 60.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    view = View(lens, mean + 150, mean - 150, 0.5, 0.0, bfactor)
    return seen_ice(slab, view, (SIZE, SIZE), PIXEL, rng) + rng.standard_normal((SIZE, SIZE), np.float32)


def fitted(image: np.ndarray, lens: Lens = LENS, **more: int) -> Fit:
    return fit_ctf(image, PIXEL, lens, Bounds(30, 4), **more)


@pytest.mark.parametrize(("tilt", "axis"), [(12, 40), (30, 250)])
def test_a_tilt_and_its_axis_are_found(tilt, axis):
    slab = Slab(np.radians(tilt), np.radians(axis))
    fit = fitted(seen(slab))
    assert abs(fit.tilt - tilt) < 1.5
    assert abs((fit.tilt_axis - axis + 180) % 360 - 180) < 6
    assert abs(fit.defocus.mean - 15000) < 40
    points = np.array([[100.0, 100], [1200, 80], [640, 640], [300, 1100]])
    assert fit.surface is not None
    np.testing.assert_allclose(fit.surface.at(points), slab.depth(points, (SIZE, SIZE), PIXEL), atol=50)


def test_rings_of_a_tilted_specimen_reach_as_far_as_those_of_a_level_one():
    tilted, level = (fitted(seen(Slab(np.radians(tilt), 1.0))) for tilt in (25, 0))
    whole = fitted(seen(Slab(np.radians(25), 1.0)), local=False)
    assert tilted.resolution < 1.1 * level.resolution
    assert whole.resolution > 1.2 * tilted.resolution
    assert whole.surface is None and np.isnan(whole.tilt)


@pytest.mark.parametrize("seed", range(3))
def test_level_ice_has_no_tilt(seed):
    fit = fitted(seen(Slab(), seed=seed))
    assert fit.tilt == 0 and fit.surface is not None and fit.surface.degree == 0


def test_noise_has_no_tilt_either():
    fit = fitted(np.random.default_rng(0).standard_normal((SIZE, SIZE), np.float32))
    assert fit.tilt == 0


def test_a_bowl_is_no_plane():
    points = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1)
    bowl = Surface((SIZE, SIZE), (1.0, 1.0), np.array([0, 0, 0, 300.0, 0, 300.0]))

    class Bowl(Slab):
        def depth(self, points, shape, pixel_size):
            return bowl.at(points.reshape(-1, 2)).reshape(points.shape[:-1])

    fit = fitted(seen(Bowl()), box=256)
    assert fit.surface is not None and fit.surface.degree >= 2
    inner = points[300:-300:40, 300:-300:40].reshape(-1, 2)
    offset = fit.defocus.mean - 15000
    np.testing.assert_allclose(fit.surface.at(inner) + offset, bowl.at(inner), atol=60)


@pytest.mark.parametrize("thickness", [900.0, 1300.0])
def test_a_thickness_is_found_where_there_is_a_node_and_rings_go_on_beyond_it(thickness):
    fit = fitted(seen(Slab(thickness=thickness), bfactor=20))
    assert abs(fit.thickness - thickness) < 50
    assert abs(fit.defocus.mean - 15000) < 40
    assert fit.resolution < 0.9 * np.sqrt(0.0197 * thickness)


def test_thin_ice_has_no_node_and_no_thickness():
    assert np.isnan(fitted(seen(Slab(thickness=100), bfactor=20)).thickness)


def test_rings_of_another_cs_are_told_and_are_no_thickness():
    fit = fitted(seen(Slab(), lens=Lens(300.0, 0.01, 0.1), bfactor=20))
    assert max(fit.other_cs, key=lambda cs: fit.other_cs[cs]) == 0.01 and fit.other_cs[0.01] > 30
    assert np.isnan(fit.thickness)


def test_no_other_cs_fits_better_than_the_true_one():
    assert max(fitted(seen(Slab(), bfactor=20)).other_cs.values()) < 0
