"""The built-in specimen: of the group that was asked for, the size that was asked for, and like protein."""

from functools import lru_cache

import numpy as np
import pytest

from spa.errors import DataError
from spa.volume.density import density
from spa.volume.phantom import Phantom, phantom
from spa.volume.shells import power
from spa.volume.symmetry import operators

GROUPS = ["C1", "C4", "D2", "T", "O", "I"]


@lru_cache
def made(group: str, diameter: float = 160.0, seed: int = 0) -> Phantom:
    return phantom(group, diameter, np.random.default_rng(seed))


def moved_onto(points: np.ndarray, turn: np.ndarray) -> float:
    """Greatest distance of a turned point from the nearest point."""
    from scipy.spatial import cKDTree

    return float(cKDTree(points).query(points @ turn.T)[0].max())


@pytest.mark.parametrize("group", GROUPS)
def test_every_element_of_the_group_leaves_it(group: str) -> None:
    for turn in operators(group):
        assert moved_onto(made(group).positions, turn) < 1e-6


@pytest.mark.parametrize(("group", "above"), [("C1", "C2"), ("C4", "C8"), ("C4", "D4"), ("D2", "D4"), ("T", "O")])
def test_it_has_no_more_symmetry_than_that(group: str, above: str) -> None:
    assert max(moved_onto(made(group).positions, turn) for turn in operators(above)) > 8


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("diameter", [110.0, 200.0])
def test_it_fills_the_diameter_and_is_centred(group: str, diameter: float) -> None:
    points = made(group, diameter).positions
    reach = np.linalg.norm(points, axis=1).max()
    assert 0.75 * diameter / 2 < reach <= diameter / 2 + 3
    assert np.abs(points.mean(0)).max() < 1e-9
    assert len(points) > 300


def test_the_seed_decides() -> None:
    assert np.array_equal(made("D2").positions, made("D2").positions)
    assert len(made("D2", seed=1).positions) != len(made("D2").positions)


def test_its_power_spectrum_is_that_of_protein() -> None:
    """Falling to 1/8, then flat with a rise near 1/5 to 1/6 (the pitch of helices), per angstrom."""
    p = made("C1", 150)
    box, pixel = 96, 2.0
    spectrum = power(density(p.positions, p.bfactors * 0, p.occupancies, p.kinds, p.scattering, box, pixel))
    at = {d: spectrum[int(round(box * pixel / d))] for d in (60, 20, 8, 5)}
    assert at[60] > 2 * at[20]
    assert at[20] > 3 * at[8]
    assert at[5] > at[8]


@pytest.mark.parametrize("group, diameter", [("C1", 8), ("I", 40)])
def test_no_room_for_a_helix_is_said(group, diameter):
    with pytest.raises(DataError, match=f"{diameter} angstroms across with symmetry {group} has no room"):
        phantom(group, diameter, np.random.default_rng(0))
