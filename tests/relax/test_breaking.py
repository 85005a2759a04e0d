"""Symmetry that breaks by itself, and only where the particle's is broken."""

import numpy as np
import pytest

from spa.refine.problem import Workers
from spa.relax.breaking import GUESSED, STARTS, bands, begun
from spa.relax.copies import Copies, certainty, judged, residuals
from spa.volume.slices import reference
from spa.volume.symmetry import cosets, operators
from spa.volume.transform import resampled, transform


def starts(made, group: str, own: str = "C1", seed: int = 0, radius: int = 12):
    """Starts on residuals of the true consensus, and the residuals."""
    from spa.abinit.compact import compact

    small = compact(made.images, radius)
    box = small.band.box
    consensus = resampled(transform(made.volume, 1.0), box, 40 / box, operators(group)) * np.float32((40 / box) ** 2)
    rows = np.arange(len(made.images))
    rest = residuals(small, rows, made.poses, np.zeros((len(rows), 2)), made.noise, reference(consensus, radius))
    copies = Copies(cosets(group, own), operators(own), np.ones((box,) * 3, np.float32))
    return list(begun(rest, consensus, copies, np.random.default_rng(seed), Workers())), rest, copies


@pytest.mark.parametrize(("group", "seed"), [("C2", 0), ("C6", 1), ("D3", 2), ("T", 3)])
def test_the_odd_subunit_is_found(puzzle, group: str, seed: int) -> None:
    made = puzzle(group, seed=seed, snr=0.7, count=900)
    found, rest, copies = starts(made, group, seed=seed)
    best = max(found, key=lambda start: start.gain)
    assert best.evident and best.held_out == 225
    _, share = judged(*rest.scored(best.volume, copies))
    assert made.right(share.argmax(1)) > 0.9 and certainty(share).mean() < 0.25


@pytest.mark.parametrize("seed", range(2))
def test_weak_images_of_many_copies_break_from_any_start(puzzle, seed: int) -> None:
    found, _, _ = starts(puzzle("D4", seed=seed, snr=0.2, count=900), "D4", seed=seed)
    assert len(found) == GUESSED + STARTS
    assert all(start.evident for start in found)  # choices of the best copy end with a gain of 1 to 8


def test_among_many_copies_parts_of_the_map_find_what_random_copies_do_not(puzzle) -> None:
    made = puzzle("O", seed=1, snr=0.5, count=400)
    found, rest, copies = starts(made, "O", seed=1)
    guessed, drawn = found[:GUESSED], found[GUESSED:]
    best = max(guessed, key=lambda start: start.gain)
    assert best.evident and best.gain > 3 * max(start.gain for start in drawn)
    _, share = judged(*rest.scored(best.volume, copies))
    assert made.right(share.argmax(1)) > 0.7


@pytest.mark.parametrize("seed", range(3))
def test_a_symmetric_particle_stays_so(puzzle, seed: int) -> None:
    found, _, _ = starts(puzzle("C4", odd=False, seed=seed, snr=0.7), "C4", seed=seed)
    assert not any(start.evident for start in found)


def test_symmetry_that_is_left_is_kept(puzzle) -> None:
    """A D2 particle relaxed over D4 has two copies, not eight."""
    made = puzzle("D4", odd=False, snr=0.7)
    assert len(cosets("D4", "D2")) == 2 and len(cosets("O", "C4")) == 6 and len(cosets("I", "I")) == 1
    found, _, copies = starts(made, "D4", "D2")
    assert copies.turns.shape == (2, 3, 3) and not any(start.evident for start in found)


def test_bands_grow_up_to_the_limit_and_with_small_particles() -> None:
    assert bands(0.7, 40) == [8, 13, 20] and bands(0.7, 10) == [8, 10] and bands(0.35, 100) == [16, 26, 40]
