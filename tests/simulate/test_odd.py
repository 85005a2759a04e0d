"""Specimens of which one subunit differs."""

import numpy as np
import pytest

from spa.simulate.odd import KINDS, WEAK, turned, with_odd_unit
from spa.simulate.specimen import Specimen, made
from spa.volume.symmetry import operators
from spa.volume.transform import resampled, transform


@pytest.fixture(scope="module")
def ring() -> Specimen:
    return made(None, 40, 5.0, "C5", 130.0, np.random.default_rng(0))


@pytest.mark.parametrize("kind", KINDS)
def test_all_but_one_unit_stay_as_they_were(ring: Specimen, kind: str) -> None:
    odd, mask = with_odd_unit(ring, operators("C5"), kind)
    elsewhere = (mask == 0) if kind != "turned" else mask.sum(0, keepdims=True) == 0
    changed = np.abs(odd.volume - ring.volume)
    assert changed[mask > 0.99].max() > 0.3 * ring.volume.max()
    if kind != "turned":  # a unit that is turned may reach into its neighbours
        assert changed[elsewhere].max() < 1e-5 * ring.volume.max()
    left = odd.volume.sum() / ring.volume.sum()
    assert left == pytest.approx(1 - {"missing": 1, "weak": WEAK, "turned": 0}[kind] / 5, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_the_symmetry_is_gone(ring: Specimen, kind: str) -> None:
    odd, _ = with_odd_unit(ring, operators("C5"), kind)

    def likeness(volume: np.ndarray) -> float:
        copy = resampled(transform(volume, 5.0), 40, 5.0, operators("C5")[1:2])
        return float(np.corrcoef(copy.ravel(), volume.ravel())[0, 1])

    assert likeness(ring.volume) > 0.99 and likeness(odd.volume) < 0.96


def test_what_is_projected_is_the_odd_volume(ring: Specimen) -> None:
    odd, _ = with_odd_unit(ring, operators("C5"), "missing")
    assert np.array_equal(odd.source.grid, transform(odd.volume, 5.0).grid)


def test_a_unit_is_turned_about_its_own_middle() -> None:
    z, y, x = np.mgrid[:32, :32, :32]
    one = np.exp(-((x - 20) ** 2 / 4 + (y - 12) ** 2 / 18 + (z - 16) ** 2 / 9)).astype(np.float32)
    after = turned(one)
    weight = np.argwhere(np.ones_like(one)).reshape(32, 32, 32, 3)
    middle = [(volume[..., None] * weight).sum((0, 1, 2)) / volume.sum() for volume in (one, after)]
    assert np.abs(middle[0] - middle[1]).max() < 0.05 and np.abs(one - after).max() > 0.2
