"""Few turns of an image stand for it at every shift of a grid."""

import numpy as np
import pytest

from spa.abinit import shifted
from spa.image.disc import disc
from spa.search import orientations
from spa.search.images import ramps


@pytest.mark.parametrize("radius, step", [(9, 0.9), (13, 0.9)])
def test_each_shift_is_a_mix_of_turns(radius: int, step: float) -> None:
    """To a part of the image's norm that is told, by fewer turns than shifts."""
    band, shifts = disc(64, radius), orientations.shift_grid(step, 4.0)
    found = shifted.shifts_of(shifts, band.kx, band.ky, 64)
    whole = ramps(shifts, band.kx, band.ky, 64)
    off = np.linalg.norm(found.all_of(found.turns) - whole, axis=1) / np.sqrt(len(band))
    assert off.max() < 1.01 * shifted.ERROR
    assert len(found.turns) <= shifted.WORTH * len(shifts)


def test_sums_over_shifts_are_those_over_turns() -> None:
    """Adjoint to each other: weights of shifts, times what is at shifts, and the same of turns."""
    band, shifts, rng = disc(64, 13), orientations.shift_grid(0.9, 4.0), np.random.default_rng(1)
    found = shifted.shifts_of(shifts, band.kx, band.ky, 64)
    weights = rng.random((len(shifts), 3))
    there = found.all_of(found.turns)
    np.testing.assert_allclose(weights.T @ there, found.few_of(weights).T @ found.turns, rtol=1e-4, atol=1e-3)


def test_shifts_far_apart_have_a_turn_each() -> None:
    band, shifts = disc(64, 20), orientations.shift_grid(4.0, 8.0)
    found = shifted.shifts_of(shifts, band.kx, band.ky, 64)
    assert found.mix is None
    np.testing.assert_array_equal(found.all_of(found.turns), ramps(shifts, band.kx, band.ky, 64))


def test_the_prior_is_greatest_in_the_middle() -> None:
    shifts = orientations.shift_grid(1.0, 3.0)
    prior = shifted.prior_of(shifts, 2.0)
    assert prior[0] == 0 and np.all(prior[1:] < 0)
    np.testing.assert_allclose(prior[np.hypot(*shifts.T) == 2.0], -0.5, rtol=1e-6)
