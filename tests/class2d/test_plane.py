"""Averages, their oversampled transforms, and turning: inverse, adjoint, to scale."""

import numpy as np
from scipy import ndimage

from spa.class2d import kernels
from spa.class2d.plane import Plane, Turns, resampled, slices, turns
from spa.image.disc import coefficients, disc, images_of

from .conftest import BOX, shapes

WHOLE = Plane(BOX, 15)


def grids() -> np.ndarray:
    return WHOLE.grids(resampled(shapes(), WHOLE.small))


def turned(psi: float) -> np.ndarray:
    """(3, 2, K) coefficients of the shapes turned."""
    band = disc(BOX, 15)
    return slices(grids(), WHOLE.columns, turns(WHOLE, band, len(band), np.array([psi])))[:, 0]


def test_averages_turned_and_inserted_from_everywhere_come_back() -> None:
    band, many = disc(BOX, 15), np.linspace(0, 2 * np.pi, 180, endpoint=False)
    turn = turns(WHOLE, band, len(band), many)
    target = np.zeros((3, WHOLE.cells, 3), np.float32)
    for cls, seen in enumerate(slices(grids(), WHOLE.columns, turn)):
        for p, planes in enumerate(seen):
            column = np.concatenate([planes, np.ones((1, len(band)), np.float32)])
            at = turn.take(p)
            kernels.scatter(column, target[cls], at.index[0], at.fx[0], at.fy[0], at.sign[0], WHOLE.columns)
    sums = WHOLE.folded(target)
    value = (sums[..., 0] + 1j * sums[..., 1]) / np.maximum(sums[..., 2], 1e-6)
    back, small = WHOLE.images(value.astype(np.complex64)), resampled(shapes(), WHOLE.small)
    difference = back - small  # the mean of a box is never inserted
    assert np.abs(difference - difference.mean((1, 2), keepdims=True)).max() < 0.04 * small.max()


def test_unturned_slices_are_the_coefficients() -> None:
    expected = coefficients(shapes(), disc(BOX, 15))
    assert np.abs(turned(0.0) - expected).max() < 0.025 * np.abs(expected).max()


def test_turning_is_that_of_space() -> None:
    """image(k) = average(k turned by psi), so image(x) = average(x turned by psi); y is the row."""
    psi = np.deg2rad(25)
    seen = images_of(turned(psi), disc(BOX, 15))
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    where = np.stack([x * np.sin(psi) + y * np.cos(psi), x * np.cos(psi) - y * np.sin(psi)]) + BOX // 2
    for one, shape in zip(seen, shapes()):
        expected = ndimage.map_coordinates(shape, where, order=3)
        assert np.corrcoef(one.ravel(), expected.ravel())[0, 1] > 0.995


def test_half_a_turn_is_the_conjugate() -> None:
    there, back = turned(0.3), turned(0.3 + np.pi)
    assert np.allclose(there[:, 0], back[:, 0], atol=1e-4) and np.allclose(there[:, 1], -back[:, 1], atol=1e-4)


def test_scatter_is_the_adjoint_of_slices() -> None:
    rng, band = np.random.default_rng(0), disc(BOX, 15)
    turn = turns(WHOLE, band, len(band), np.array([0.7]))
    grid = (rng.normal(size=WHOLE.cells) + 1j * rng.normal(size=WHOLE.cells)).astype(np.complex64)
    column = rng.normal(size=(3, len(band))).astype(np.float32)
    target = np.zeros((WHOLE.cells, 3), np.float32)
    kernels.scatter(column, target, turn.index[0], turn.fx[0], turn.fy[0], turn.sign[0], WHOLE.columns)
    seen = slices(grid[None], WHOLE.columns, turn)[0, 0]
    forward = float((seen * column[:2]).sum())
    backward = float((grid.real * target[:, 0] + grid.imag * target[:, 1]).sum())
    assert np.isclose(forward, backward, rtol=1e-3, atol=1e-2)


def test_take_is_one_of_the_turns() -> None:
    band = disc(BOX, 15)
    both = turns(WHOLE, band, len(band), np.array([0.1, 0.2]))
    assert isinstance(both.take(1), Turns) and np.array_equal(both.take(1).index[0], both.index[1])


def test_a_plane_cut_and_filled_again_keeps_its_low_band() -> None:
    low = Plane(BOX, 8)
    there = grids()
    back = low.resized_complex(WHOLE.resized_complex(there, low), WHOLE)
    inside = WHOLE.shell <= 8
    assert np.array_equal(back[:, inside], there[:, inside])


def test_resampled_keeps_grey_values() -> None:
    finer = resampled(shapes(), 96)
    assert np.abs(finer[:, ::2, ::2] - shapes()).max() < 0.01 * shapes().max()
