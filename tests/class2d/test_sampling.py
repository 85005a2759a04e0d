"""Grids: children tile their parents, and steps follow the band."""

import numpy as np

from spa.class2d.sampling import levels


def test_children_lie_a_quarter_step_beside_their_parent() -> None:
    coarse, fine = levels(96, 70, 28, 6.0, 0.3)[:2]
    step = coarse.psi[1] - coarse.psi[0]
    assert np.allclose(fine.psi[0::2], coarse.psi - step / 4) and np.allclose(fine.psi[1::2], coarse.psi + step / 4)
    assert np.allclose(fine.shift[0::2], coarse.shift - coarse.step / 4)


def test_the_middle_of_the_coarse_shifts_is_zero_and_they_reach_far_enough() -> None:
    coarse = levels(96, 70, 20, 6.0, 0.5)[0]
    assert coarse.shift[len(coarse.shift) // 2] == 0 and coarse.shift.max() >= 6.0


def test_psi_goes_once_around_in_an_even_number_of_steps() -> None:
    for level in levels(128, 80, 60, 5.0, 0.9):
        assert len(level.psi) % 2 == 0
        assert np.isclose(level.psi[-1] - level.psi[0] + level.psi[1] - level.psi[0], 2 * np.pi)


def test_a_wider_band_has_more_levels() -> None:
    assert [len(levels(256, 180, radius, 8.0, 0.5)) for radius in (8, 14, 28, 56)] == [1, 1, 2, 3]
