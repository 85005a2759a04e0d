"""The reach of bands and windows, and that reach taken off."""

from dataclasses import replace

import numpy as np

from spa.volume.bands import bank
from spa.volume.masks import soft_sphere
from spa.volume.reach import Reach, without_reach

GRID = 24
BANK = replace(bank(64, 2.0, 16.0, 0.0), grid=GRID)
REACH = Reach(BANK, soft_sphere(GRID, 7, 2))
PART = (slice(None), *REACH.part)


def some(seed: int) -> np.ndarray:
    shape = (len(BANK.resolutions), *(one.stop - one.start for one in REACH.part))
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def test_what_returns_is_the_adjoint_of_what_is_seen() -> None:
    density, values = some(1), some(2)
    seen, returned = REACH.seen(density).astype(float), REACH.returned(values).astype(float)
    assert abs((seen * values).sum() / (density * returned).sum() - 1) < 1e-5


def test_a_density_is_found_from_what_is_seen_of_it() -> None:
    """A step between two halves of a ball is sharper than it is seen, and what is seen of the result agrees."""
    density = np.full_like(some(1), 0.1)
    density[:, : density.shape[1] // 2] = 2.0
    whole = np.zeros((len(density), GRID, GRID, GRID), np.float32)
    whole[PART] = REACH.seen(density)
    found = without_reach(whole, REACH)[PART]
    inside = REACH.share > 0.99
    seen = whole[PART]
    off, before = (np.abs(np.log(one / density))[:, inside].mean() for one in (found, seen))
    assert off < 0.7 * before
    assert np.abs(np.log(REACH.seen(found) / seen))[:, inside].mean() < 0.02
