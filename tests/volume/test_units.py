"""The asymmetric units of symmetric maps."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.volume.symmetry import operators
from spa.volume.units import unit_direction, unit_mask

SIDE = 48


def balls(group: str, centre: tuple[float, float, float], radius: float = 4.0) -> np.ndarray:
    """A ball at x y z (pixels from the middle) and at all its copies."""
    z, y, x = np.mgrid[:SIDE, :SIDE, :SIDE] - SIDE // 2
    copies = operators(group) @ np.array(centre)
    return sum(np.exp(-((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / radius**2) for a, b, c in copies)


CASES = [("C2", (10, 3, 4)), ("C6", (16, 3, -2)), ("D3", (11, 2, 9)), ("T", (6, 2, 13)), ("O", (14, 4, 9)),
         ("D1", (9, 9, 9))]  # fmt: skip


@pytest.mark.parametrize(("group", "centre"), CASES)
def test_the_direction_is_that_of_a_subunit(group: str, centre: tuple[float, float, float]) -> None:
    found = unit_direction(balls(group, centre, 2.5), operators(group))
    copies = operators(group) @ (np.array(centre) / np.linalg.norm(centre))
    cosine = copies @ found
    if group[0] == "C":  # along the axis the middle may lie anywhere
        cosine = copies[:, :2] @ found[:2] / np.linalg.norm(found[:2]) / np.linalg.norm(copies[0, :2])
    assert cosine.max() > np.cos(np.deg2rad(6))


@pytest.mark.parametrize(("group", "centre"), CASES)
def test_a_unit_holds_its_share_of_the_density_and_one_whole_ball(group, centre) -> None:
    volume = balls(group, centre, 2.5)
    mask = unit_mask(volume, operators(group))
    assert mask.min() == 0 and mask.max() == 1
    assert (volume * mask).sum() / volume.sum() == pytest.approx(1 / len(operators(group)), rel=0.05)
    copies = np.rint(operators(group) @ np.array(centre)).astype(int) + SIDE // 2
    inside = mask[copies[:, 2], copies[:, 1], copies[:, 0]]
    assert np.sort(inside)[-1] > 0.95 and (np.sort(inside)[:-1] < 0.05).all()


def test_there_is_no_unit_without_symmetry_or_off_the_axis() -> None:
    with pytest.raises(DataError, match="without symmetry"):
        unit_mask(balls("C1", (5, 5, 5)), operators("C1"))
    with pytest.raises(DataError, match="lies on its symmetry axis"):
        unit_mask(balls("C1", (0, 0, 9), 0.7), operators("C4"))
