"""Copies of a pose over a group, told apart by a difference map."""

import numpy as np
import pytest

from spa.refine.problem import Workers
from spa.relax.copies import (
    Copies,
    certainty,
    cross_fitted,
    difference,
    judged,
    likeness,
    residuals,
    together,
)
from spa.volume.fsc import fsc
from spa.volume.slices import reference
from spa.volume.symmetry import operators
from spa.volume.transform import resampled, transform

C1 = operators("C1")
RADIUS = 19


@pytest.fixture(scope="module")
def ring(puzzle):
    return puzzle("C5")


def averaged(volume: np.ndarray, turns: np.ndarray) -> np.ndarray:
    return resampled(transform(volume, 1.0), len(volume), 1.0, turns)


@pytest.fixture(scope="module")
def rest(ring):
    """What the true consensus leaves."""
    consensus = reference(averaged(ring.volume, ring.turns), RADIUS)
    rows = np.arange(len(ring.images))
    return residuals(ring.images, rows, ring.poses, np.zeros((len(rows), 2)), ring.noise, consensus)


@pytest.fixture(scope="module")
def copies(ring):
    return Copies(ring.turns, C1, np.ones(ring.volume.shape, np.float32))


def test_residuals_hold_the_difference_and_noise_of_unit_power(ring, rest) -> None:
    """Without the difference at its right copy only noise is left."""
    away = ring.volume - averaged(ring.volume, ring.turns)
    right = Copies(ring.turns, C1, np.ones(away.shape, np.float32))
    cross, norm = rest.scored(away, right)
    n = np.arange(len(rest))
    power = (rest.matched[:, 0] ** 2 + rest.matched[:, 1] ** 2) / np.maximum(rest.weight, 1e-6)
    power = np.where(rest.weight > 1e-3, power, 0).sum(1)
    left = power - 2 * cross[n, ring.turn] + norm[n, ring.turn]
    count = (rest.weight > 1e-3).sum(1)
    assert (left / count).mean() == pytest.approx(1, abs=0.01) and (power / count).mean() > 1.02


def test_the_true_difference_finds_the_copies_and_is_worth_its_own_scale(ring, rest, copies) -> None:
    away = ring.volume - averaged(ring.volume, ring.turns)
    cross, norm = rest.scored(away, copies)
    gain, share = judged(cross, norm)
    assert ring.right(share.argmax(1)) > 0.97
    assert np.allclose(share.sum(1), 1) and gain > len(rest)
    half_gain, _ = judged(cross / 2, norm / 4)  # the scale of D is found: it does not matter
    assert half_gain == pytest.approx(gain, rel=0.02)


def test_what_all_copies_share_tells_nothing(ring, rest, copies) -> None:
    cross, norm = rest.scored(averaged(ring.volume, ring.turns), copies)
    assert np.abs(cross).max() < 0.05 * np.abs(rest.scored(ring.volume, copies)[0]).max()
    gain, share = judged(0 * cross, 0 * norm)
    assert gain == 0 and np.allclose(share, 1 / 5)


def test_sums_at_the_right_copies_give_the_difference(ring, rest, copies) -> None:
    share = np.eye(5)[ring.turn]
    found = difference(rest.summed(share, copies), np.ones(RADIUS + 1), copies)
    away = ring.volume - averaged(ring.volume, ring.turns)
    assert np.corrcoef(found.ravel(), away.ravel())[0, 1] > 0.6
    assert fsc(found, away)[2:8].min() > 0.85
    grids = [rest.of(rows).summed(share[rows], copies) for rows in np.array_split(np.arange(len(rest)), 4)]
    whole = rest.summed(share, copies)
    assert np.allclose(together(grids).grid, whole.grid, rtol=1e-3, atol=1e-3 * np.abs(whole.grid).max())
    curve, places = likeness(grids, copies)
    assert curve[2:10].min() > 0.7
    assert places.min() >= 0 and places.max() <= 1
    assert np.average(places, weights=away**2) > max(0.7, 1.5 * places.mean())
    noise = [rest.of(rows).summed(np.roll(share[rows], int(rows[0]), axis=0), copies)
             for rows in np.array_split(np.arange(len(rest)), 4)]  # fmt: skip
    assert likeness(noise, copies)[1].mean() < 0.3


def test_rounds_mend_copies_that_are_half_wrong(ring, rest, copies) -> None:
    rng = np.random.default_rng(0)
    guess = np.where(rng.random(len(rest)) < 0.5, ring.turn, rng.integers(5, size=len(rest)))
    folds = [slice(start, start + 150) for start in range(0, 600, 150)]
    before = ring.right(guess)
    share, gain = cross_fitted(rest, np.eye(5)[guess], folds, copies, Workers(), 4)
    assert before < 0.7 and ring.right(share.argmax(1)) > 0.95 and gain > len(rest)


def test_a_mask_confines_the_difference(ring, rest) -> None:
    turned = resampled(transform(ring.unit, 1.0), len(ring.unit), 1.0, ring.turns[2:3])
    for mask, finds in ((ring.unit, True), (turned, True), (0 * ring.unit, False)):
        copies = Copies(ring.turns, C1, mask.astype(np.float32))
        volume = difference(rest.summed(np.eye(5)[ring.turn], copies), None, copies)
        assert np.all(volume[mask == 0] == 0)
        right = ring.right(judged(*rest.scored(volume, copies))[1].argmax(1))
        assert (right > 0.9) == finds


def test_entropy_is_nought_where_certain_and_one_without_preference() -> None:
    assert certainty(np.array([[1.0, 0, 0], [1 / 3] * 3])) == pytest.approx([0, 1])
    assert certainty(np.ones((2, 1))) == pytest.approx([0, 0])


def test_sums_know_how_often_they_were_smoothed(ring, rest) -> None:
    """A group whose turns are not the grid's smooths once more, and the gridding correction must know it."""
    for group, kernels in (("C1", 1), ("C4", 1), ("C5", 2)):
        own = Copies(ring.turns[:1], operators(group), np.ones(ring.volume.shape, np.float32))
        part = rest.of(slice(0, 40)).summed(np.ones((40, 1)), own)
        assert part.kernels == together([part, part]).kernels == kernels
