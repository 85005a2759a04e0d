"""Maps are laid on one another, on their mirror image, and on the axes of a point group."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.abinit.agree import agreement
from spa.search.orientations import angles_between
from spa.symmetry import align
from spa.volume.symmetry import operators

BAND = 8


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turn_and_a_hand_are_found(lumps, mirrored: bool) -> None:
    volume, turn = lumps(1), Rotation.random(random_state=4).as_matrix()
    other = np.roll(align.turned(volume, turn, mirrored), (1, -1, 0), (0, 1, 2))
    found = align.fit(other, volume, BAND)
    assert found.mirrored == mirrored and found.score > 0.97
    np.testing.assert_allclose(found.shift, (0, -1, 1), atol=0.1)
    assert np.rad2deg(angles_between(found.turn[None], turn[None]))[0] < 2
    assert align.shell_correlation(other, volume, found, BAND)[1:].min() > 0.95


def test_turned_by_nothing_is_the_map(lumps) -> None:
    volume = lumps(2)
    np.testing.assert_allclose(align.turned(volume, np.eye(3)), volume, atol=0.02 * volume.max())


def test_a_quarter_turn_moves_voxels(lumps) -> None:
    volume = lumps(2)[1:, 1:, 1:]
    volume = np.pad(volume, ((1, 0),) * 3)
    turn = operators("C4")[1]  # x -> y
    found = align.turned(volume, turn)
    wanted = volume.copy()
    wanted[1:, 1:, 1:] = np.rot90(volume[1:, 1:, 1:], 1, (1, 2))
    other = volume.copy()
    other[1:, 1:, 1:] = np.rot90(volume[1:, 1:, 1:], -1, (1, 2))
    errors = [np.abs(found - one).max() for one in (wanted, other)]
    assert min(errors) < 0.02 * volume.max()


def test_runs_agree_with_themselves_and_not_with_others(lumps) -> None:
    turned = align.turned(lumps(1), Rotation.random(random_state=6).as_matrix(), mirrored=True)
    same = agreement(lumps(1)[None], np.stack([lumps(9), turned]), BAND)
    other = agreement(lumps(1)[None], lumps(9)[None], BAND)
    assert same.shell == BAND and same.mirrored
    assert other.shell < 6
