"""Soft masks: edges where they were asked for, thresholds that part particle from solvent."""

import numpy as np
import pytest
from scipy import ndimage

from spa.errors import DataError
from spa.volume.distance import squares
from spa.volume.masks import (
    automatic_threshold,
    distances,
    grown,
    lowpass,
    soft_mask,
    soft_sphere,
    stands_out,
    without_dust,
)

N = 40


def ball(radius: float, n: int = N) -> np.ndarray:
    return (distances(n) <= radius).astype(np.float32)


@pytest.mark.parametrize("n", [20, 21])
def test_a_sphere_is_centred_on_pixel_half_n(n: int) -> None:
    sphere = soft_sphere(n, 5, 2)
    centre = np.array(np.unravel_index(np.argmax(sphere), sphere.shape))
    assert sphere[n // 2, n // 2, n // 2] == 1 and np.all(np.abs(centre - n // 2) <= 5)
    mean = [(np.arange(n) * sphere.sum(axes)).sum() / sphere.sum() for axes in ((1, 2), (0, 2), (0, 1))]
    assert np.allclose(mean, n // 2)


def test_a_sphere_falls_over_its_edge_only() -> None:
    r, sphere = distances(N), soft_sphere(N, 8, 4)
    assert np.all(sphere[r <= 8] == 1) and np.all(sphere[r >= 12] == 0)
    assert np.all((sphere[(r > 8) & (r < 12)] > 0) & (sphere[(r > 8) & (r < 12)] < 1))


def test_a_hard_edge_is_a_step() -> None:
    assert set(np.unique(soft_sphere(N, 8, 0))) == {0, 1}


def test_growth_follows_the_distance_from_what_is_inside() -> None:
    mask, r = grown(ball(6) > 0, 3, 4), distances(N)
    assert np.all(mask[r < 8.4] == 1) and np.all(mask[r > 13.1] == 0)
    assert 0.2 < mask[np.abs(r - 11) < 0.3].mean() < 0.8


@pytest.mark.parametrize("level", [0.2, 1.0, 50.0])
def test_the_automatic_threshold_does_not_depend_on_scale(level: float) -> None:
    volume = ball(9) + 0.02 * np.random.default_rng(0).standard_normal((N, N, N))
    assert automatic_threshold(level * volume) == pytest.approx(level * automatic_threshold(volume))


@pytest.mark.parametrize("sigma", [0.01, 0.1, 0.25])
def test_the_automatic_mask_holds_the_particle_and_little_else(sigma: float) -> None:
    volume = ball(9) + sigma * np.random.default_rng(0).standard_normal((N, N, N)).astype(np.float32)
    mask, _ = soft_mask(volume, 3.0, extend=0, edge=0)
    inside = ball(9) > 0
    assert mask[distances(N) < 8].min() == 1
    assert mask.sum() < 2.2 * inside.sum()


def test_specks_are_dropped_and_domains_kept() -> None:
    inside = ball(6) > 0
    inside[2, 2, 2] = True
    assert not without_dust(inside)[2, 2, 2] and without_dust(inside).sum() == inside.sum() - 1
    inside[:3, :8, :8] = True  # a second part, over a tenth of the first
    assert np.array_equal(without_dust(inside), inside)


def test_a_threshold_that_is_given_is_kept() -> None:
    mask, level = soft_mask(ball(6), 2.0, threshold=0.4, resolution=None, extend=0, edge=0)
    assert level == 0.4 and np.array_equal(mask, ball(6))


def test_lengths_are_in_angstroms() -> None:
    mask, _ = soft_mask(ball(6), 2.0, threshold=0.5, resolution=None, extend=6, edge=8)
    assert np.array_equal(mask, grown(ball(6) > 0.5, 3, 4))


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        soft_mask(ball(6), 2.0, threshold=2.0, resolution=None)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_particle_in_a_trough_of_its_own_stands_out(width: float) -> None:
    """A map that lacks half of its lowest frequencies is low all about the particle, but not by half as much."""
    shell = ((distances(64) > 13) & (distances(64) < 20)).astype(np.float32)
    noise = 0.002 * np.random.default_rng(0).standard_normal(shell.shape).astype(np.float32)
    assert stands_out(lowpass(shell, 3.0, 12) - 0.5 * lowpass(shell, 3.0, width) + noise, 3.0)
    assert not stands_out(noise, 3.0)


@pytest.mark.parametrize("reach", [1, 4, 30])
def test_squared_distances_are_exact_as_far_as_they_are_asked_for(reach: int) -> None:
    inside = np.random.default_rng(1).random((17, 22, 13)) < 0.004
    wanted, found = np.rint(ndimage.distance_transform_edt(~inside) ** 2), squares(inside, reach)
    assert np.array_equal(np.minimum(found, reach**2 + 1), np.minimum(wanted, reach**2 + 1))
