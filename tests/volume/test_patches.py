"""Coefficients in patches, and patches by the bricks of a grid: another order of the same work."""

import numpy as np
import pytest

from spa.image.disc import disc
from spa.search.orientations import turned
from spa.volume.cells import CHUNK
from spa.volume.insert import Samples, accumulator, insert, slabs
from spa.volume.patches import patches, visits

BOX = 72


def views(n: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    rows = np.eye(3)[np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]])]  # whose planes hold an axis, and x = 0
    return np.concatenate([rows, turned(np.tile(np.eye(3), (n - 3, 1, 1)), rng.normal(size=(n - 3, 3)) * 2)])


def test_each_coefficient_is_in_one_patch_and_patches_are_small() -> None:
    band = disc(BOX, BOX // 2 - 1)
    found = patches(band.kx, band.ky)
    assert np.array_equal(np.sort(found.order), np.arange(len(band)))
    assert np.array_equal(found.kx, band.kx[found.order]) and np.array_equal(found.ky, band.ky[found.order])
    starts = np.arange(0, len(band), CHUNK)
    for axis in (found.kx, found.ky):
        assert (np.maximum.reduceat(axis, starts) - np.minimum.reduceat(axis, starts)).max() < 2.5 * np.sqrt(CHUNK)
    assert np.array_equal(found.sown(band.kx[None])[0], found.kx)


def test_a_visit_is_paid_to_each_patch_of_each_slice() -> None:
    band, poses = patches(*(one.astype(int) for one in np.nonzero(np.ones((36, 36))))), views(40).astype("f4")
    grid = accumulator(BOX, 35).grid
    found = visits(grid, poses, band.kx, band.ky)
    assert np.array_equal(np.sort(found), np.arange(len(found))) and np.any(np.diff(found) < 0)
    small = visits(accumulator(16, 7).grid, poses, *disc_of(16, 7))
    assert np.array_equal(small, np.arange(len(small)))  # what is at hand needs no order


def disc_of(box: int, radius: int) -> tuple[np.ndarray, np.ndarray]:
    band = disc(box, radius)
    return band.kx.astype("f4"), band.ky.astype("f4")


@pytest.mark.parametrize("sown", [False, True])
def test_sums_are_those_of_one_image_after_the_other_in_any_slabs(sown: bool) -> None:
    rng, n, band = np.random.default_rng(3), 25, disc(BOX, BOX // 2 - 1)
    values, weights = rng.standard_normal((n, 2, len(band))).astype("f4"), rng.random((n, len(band))).astype("f4")
    samples = Samples(np.arange(n), views(n), rng.normal(size=(n, 2)), rng.random(n))
    alone = accumulator(BOX, band.radius)
    for i in range(n):
        one = Samples(np.zeros(1), *(getattr(samples, name)[i : i + 1] for name in ("poses", "shifts", "weights")))
        insert(alone, one, values[i : i + 1], weights[i : i + 1], band.kx, band.ky)
    order = patches(band.kx, band.ky)
    given = values, weights, band.kx, band.ky
    if sown:
        given = order.sown(values), order.sown(weights), order.kx, order.ky
    grids = []
    for parts in (1, 2, 5, 40):
        sums = accumulator(BOX, band.radius)
        for slab in slabs(sums, parts):
            insert(sums, samples, *given, slab)
        grids.append(sums.grid)
    assert all(np.array_equal(grids[0], other) for other in grids[1:])
    assert np.allclose(grids[0], alone.grid, atol=2e-6 * np.abs(alone.grid).max())
