"""Crystals no wider than particles are far denser than these; particles, however few or strong, are alike."""

import numpy as np
import pytest

from spa.junk.ground import ground
from spa.junk.specks import specks
from tests.junk.test_mask import DIAMETER, PIXEL, SIZE, discs, noise, places

CRYSTALS = np.array([[100, 650], [500, 250], [640, 700]])


def seen(image: np.ndarray, white: bool = False) -> tuple[np.ndarray, int]:
    level = ground(image.astype(np.float32), PIXEL)
    return specks(level, DIAMETER, np.zeros(level.image.shape, bool), white)


@pytest.mark.parametrize("contrast", [0.0, 0.5, 1.0])
def test_small_crystals_are_specks_and_little_else(contrast: float) -> None:
    crystals = 8 * discs(CRYSTALS, 0.4 * DIAMETER)
    found, number = seen(crystals + contrast * discs(places(200), DIAMETER / 2) + noise())
    factor = SIZE // len(found)
    assert number == 3 and found[tuple(CRYSTALS.T[::-1] // factor)].all() and found.mean() < 0.03


@pytest.mark.parametrize("count", [15, 200])
@pytest.mark.parametrize("contrast", [0.3, 1.0, 4.0])
def test_particles_are_none_few_or_many_faint_or_strong(count: int, contrast: float) -> None:
    assert seen(contrast * discs(places(count), DIAMETER / 2) + noise())[1] == 0


def test_where_particles_are_white_specks_are() -> None:
    image = 8 * discs(CRYSTALS, 0.4 * DIAMETER) + noise()
    assert seen(-image, white=True)[1] == 3 and seen(-image)[1] == 0
