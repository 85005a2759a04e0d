"""The hand of a map from its helices."""

import numpy as np
import pytest

from spa.volume.hand import Hand, _judged, hand_of
from spa.volume.masks import soft_sphere
from spa.volume.shells import lowpass

BOX, PIXEL = 40, 1.6
SPHERE = soft_sphere(BOX, 17, 2)


@pytest.fixture(scope="module")
def helices() -> np.ndarray:
    """A bundle: 3.6 residues and 5.4 A a turn, a ribbon of density 2.3 A from the axes, with side chains at 3.5 A."""
    rng = np.random.default_rng(2)
    volume = np.zeros((BOX,) * 3, np.float32)
    for y, x in np.ndindex(4, 4):
        start, number = rng.uniform(0, 360), np.arange(-11, 12)
        for radius, rise, weight in ((2.3, 0.0, 3.0), (3.5, -0.6, 1.5)):
            angle = np.deg2rad(start + 100 * number)
            place = np.stack([rise + 1.5 * number + 20 * PIXEL, y * 11 - 16.5 + radius * np.sin(angle) + 20 * PIXEL,
                              x * 11 - 16.5 + radius * np.cos(angle) + 20 * PIXEL])  # fmt: skip
            np.add.at(volume, tuple(np.rint(place / PIXEL).astype(int)), weight)
    return volume


def hand(volume: np.ndarray, resolution: float) -> Hand:
    return hand_of(lowpass(volume, PIXEL, resolution), PIXEL, resolution, SPHERE)


def test_helices_are_right_handed_and_left_handed_in_a_mirror(helices: np.ndarray) -> None:
    right, left = hand(helices, 4.3), hand(np.ascontiguousarray(helices[:, :, ::-1]), 4.3)
    assert right.told and right.score > 0 and right.right > 0.8
    assert left.told and left.score < 0 and left.right < 0.2


def test_nothing_is_said_where_no_turns_are_seen(helices: np.ndarray) -> None:
    assert not hand(helices, 9.0).told
    assert not hand(np.random.default_rng(1).standard_normal((BOX,) * 3).astype(np.float32), 5.0).told


def test_copies_of_a_symmetric_map_count_once() -> None:
    gain = 0.08 + 0.1 * np.random.default_rng(3).standard_normal(40)
    fit = np.linspace(1, 0.95, 40)
    once, copied = _judged(gain, fit), _judged(np.repeat(gain, 12), np.repeat(fit, 12))
    assert copied.score < 1.6 * once.score
