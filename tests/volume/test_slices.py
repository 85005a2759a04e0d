"""The transform of a projection is a central slice; insertion is the adjoint of slicing."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spa.image import fft
from spa.image.disc import coefficients, disc
from spa.volume.fsc import fsc
from spa.volume.insert import (
    Accumulator,
    Samples,
    accumulator,
    close,
    insert,
    slabs,
    solve,
    symmetrised,
)  # fmt: skip
from spa.volume.masks import soft_sphere
from spa.volume.shells import lowpass
from spa.volume.slices import Reference, reference, regridded, slices
from spa.volume.symmetry import operators
from spa.volume.transform import projections, transform

BOX = 48


@pytest.fixture(scope="module")
def blob() -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal((BOX,) * 3)
    return (gaussian_filter(noise, 1.5) * soft_sphere(BOX, 14, 4)).astype(np.float32)


def random_poses(n: int, seed: int = 0) -> np.ndarray:
    return Rotation.random(n, random_state=seed).as_matrix()


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """1 where a equals b, in direction and in scale to a few per cent (linear interpolation has no more)."""
    return float(2 * np.vdot(a, b) / (np.vdot(a, a) + np.vdot(b, b)))


def test_slices_agree_with_the_accurate_projector(blob: np.ndarray) -> None:
    band, poses = disc(BOX, 20), random_poses(8)
    accurate = fft.irfft2(projections(transform(blob, 1.0), poses, BOX, 1.0), BOX)
    images = np.roll(accurate, (BOX // 2, BOX // 2), (1, 2))
    assert agreement(slices(reference(blob, 20), poses, band.kx, band.ky), coefficients(images, band)) > 0.998


def test_the_slice_at_no_turn_is_the_transform_of_the_sum_along_z(blob: np.ndarray) -> None:
    band = disc(BOX, 20)
    cut = slices(reference(blob, 20), np.eye(3)[None], band.kx, band.ky)
    assert agreement(cut, coefficients(blob.sum(axis=0)[None], band)) > 0.998


def test_a_quarter_turn_projects_along_another_axis(blob: np.ndarray) -> None:
    band = disc(BOX, 20)
    pose = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])  # image x along y, image y along z, view along x
    cut = slices(reference(blob, 20), pose[None], band.kx, band.ky)
    assert agreement(cut, coefficients(blob.sum(axis=2)[None], band)) > 0.998


def test_insertion_is_the_adjoint_of_slicing() -> None:
    rng = np.random.default_rng(2)
    band, poses = disc(BOX, 15), random_poses(20)
    empty = accumulator(BOX, 15)
    volume = rng.standard_normal(empty.grid.shape[:3] + (2,)).astype(np.float32)
    values = rng.standard_normal((20, 2, len(band))).astype(np.float32)
    whole = Samples(np.arange(20), poses, np.zeros((20, 2)), np.ones(20))
    insert(empty, whole, values, np.ones((20, len(band)), np.float32), band.kx, band.ky)
    there = np.vdot(values.astype(float), slices(Reference(BOX, 15, volume), poses, band.kx, band.ky))
    back = np.vdot(empty.grid[..., :2].astype(float), volume)
    assert there == pytest.approx(back, rel=1e-5)


def test_the_sums_do_not_depend_on_the_slabs() -> None:
    rng = np.random.default_rng(3)
    band, poses = disc(BOX, 15), random_poses(30)
    values, weights = rng.standard_normal((30, 2, len(band))).astype("f4"), rng.random((30, len(band))).astype("f4")
    samples = Samples(np.arange(30), poses, rng.normal(size=(30, 2)), rng.random(30))
    grids = []
    for parts in (1, 3, 8):
        sums = accumulator(BOX, 15)
        for slab in slabs(sums, parts):
            insert(sums, samples, values, weights, band.kx, band.ky, slab)
        grids.append(sums.grid)
    assert np.array_equal(grids[0], grids[1]) and np.array_equal(grids[0], grids[2])


def test_a_shift_is_undone_on_insertion(blob: np.ndarray) -> None:
    band, poses = disc(BOX, 15), random_poses(1)
    shift = np.array([[2.3, -1.7]])
    cut = slices(reference(blob, 15), poses, band.kx, band.ky)
    turn = np.exp(-2j * np.pi / BOX * (shift @ np.stack([band.kx, band.ky])))
    moved = (cut[:, 0] + 1j * cut[:, 1]) * turn
    grids = []
    for values, t in ((cut, np.zeros((1, 2))), (np.stack([moved.real, moved.imag], 1).astype(np.float32), shift)):
        sums = accumulator(BOX, 15)
        weights = np.ones((1, len(band)), np.float32)
        one = Samples(np.zeros(1), poses, t, np.ones(1))
        insert(sums, one, np.ascontiguousarray(values), weights, band.kx, band.ky)
        grids.append(sums.grid)
    assert np.allclose(*grids, atol=1e-4 * np.abs(grids[0]).max())


def filled(volume: np.ndarray, poses: np.ndarray) -> Accumulator:
    band = disc(BOX, BOX // 2 - 1)
    cut = slices(reference(volume, band.radius), poses, band.kx, band.ky)
    n, sums = len(poses), accumulator(BOX, band.radius)
    insert(sums, Samples(np.arange(n), poses, np.zeros((n, 2)), np.ones(n)), cut, np.ones((n, len(band)), "f4"),
           band.kx, band.ky)  # fmt: skip
    close(sums)
    return sums


def test_a_noiseless_round_trip_keeps_the_map(blob: np.ndarray) -> None:
    sums = filled(blob, random_poses(600))
    back = solve(sums, 1e-3 * sums.shell_weight())
    ball = soft_sphere(BOX, 18, 3)
    assert fsc(blob * ball, back * ball)[: int(0.9 * BOX / 2)].min() > 0.99


def test_symmetry_on_the_grid_is_symmetry_of_the_map(blob: np.ndarray) -> None:
    group = operators("C4")
    sums = symmetrised(filled(blob, random_poses(200)), group)
    volume = solve(sums, 1e-3 * sums.shell_weight())
    ball = soft_sphere(BOX, 16, 4)
    turned = np.rot90(volume[1:, 1:, 1:], axes=(1, 2))  # about the voxel n//2
    assert fsc(volume * ball, np.pad(turned, ((1, 0),) * 3) * ball)[1:12].min() > 0.99


def test_a_prefix_of_the_band_is_cut_as_the_whole() -> None:
    """How many shells a reference serves does not show in its slices."""
    rng = np.random.default_rng(5)
    volume = lowpass(gaussian_filter(rng.standard_normal((64,) * 3), 3).astype(np.float32), 1.0, 64 / 9)
    volume *= soft_sphere(64, 20, 5)
    band = disc(64, 10)
    poses = Rotation.random(4, random_state=0).as_matrix()
    few, whole = (slices(reference(volume, radius), poses, band.kx, band.ky) for radius in (10, 28))
    assert np.abs(few - whole).max() < 1e-5 * np.abs(whole).max()


def test_regridding_there_and_back_changes_nothing_below_nyquist() -> None:
    volume = lowpass(np.random.default_rng(6).standard_normal((32,) * 3).astype(np.float32), 1.0, 4.0)
    back = regridded(regridded(volume, 48), 32)
    assert np.allclose(back, volume, atol=2e-5)


def test_slices_and_insertion_that_reach_over_the_edge_stay_inside() -> None:
    """Those of distorted images do; what lies there has no weight, but must not be looked for elsewhere."""
    from spa.volume import insert as into

    rng = np.random.default_rng(0)
    band, n = disc(32, 15), 60
    poses = Rotation.random(n, random_state=0).as_matrix()
    poses[:, :2] *= 1.3
    source = reference(rng.standard_normal((32,) * 3).astype(np.float32), 15)
    assert np.isfinite(slices(source, poses, band.kx, band.ky)).all()
    sums, samples = into.accumulator(32, 15), into.Samples(np.arange(n), poses, np.zeros((n, 2)), np.ones(n))
    x = np.zeros((n, 2, len(band)), np.float32)
    into.insert(sums, samples, x, x[:, 0].copy(), band.kx, band.ky)
    assert not sums.grid.any()
