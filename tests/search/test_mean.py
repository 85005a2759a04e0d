"""Means of poses: exact about a Gaussian, nearer to the truth than tops where peaks are not, and never far away."""

from functools import partial

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spa.image.disc import disc
from spa.refine.engine import CPU
from spa.refine.expectation import laplace
from spa.search import mean, newton, orientations
from spa.search.images import Block
from spa.search.prior import Prior
from spa.volume.masks import soft_sphere
from spa.volume.slices import reference, slices
from spa.volume.symmetry import operators

BOX, RADIUS, N = 32, 11, 400


def moved(slope: partial, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turns (n, 3) and moves (n, 2) from a top at the identity to its mean; slope: of (n, k, 5) about it."""
    n = len(root)
    top = np.tile(np.eye(3), (n, 1, 1))

    def slopes(poses: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        turns = Rotation.from_matrix(np.swapaxes(poses, -1, -2).reshape(-1, 3, 3)).as_rotvec().reshape(n, -1, 3)
        return slope(np.concatenate([turns, shifts], axis=-1))

    poses, shifts = mean.centred(slopes, top, np.zeros((n, 2)), root)
    return Rotation.from_matrix(np.swapaxes(poses, -1, -2)).as_rotvec(), shifts


@pytest.fixture(scope="module")
def roots() -> np.ndarray:
    spread = np.array([0.01, 0.02, 0.015, 0.4, 0.6])
    return np.tril(np.random.default_rng(0).normal(0, 0.3, (20, 5, 5)) + np.eye(5)) * spread[:, None]


def test_corners_have_a_gaussians_moments() -> None:
    assert np.allclose(mean.CORNERS.mean(axis=0), 0)
    assert np.allclose(mean.CORNERS.T @ mean.CORNERS / len(mean.CORNERS), np.eye(5))
    assert np.allclose(np.einsum("ka,kb,kc->abc", *[mean.CORNERS] * 3), 0)


def test_of_a_gaussian_it_is_the_centre(roots: np.ndarray) -> None:
    """Wherever the pose stands, within a standard deviation of it."""
    inward = np.random.default_rng(1).uniform(-0.4, 0.4, (20, 5))
    centre = np.einsum("nab,nb->na", roots, inward)
    precision = np.linalg.inv(roots @ np.swapaxes(roots, 1, 2))
    turns, moves = moved(lambda x: np.einsum("nab,nkb->nka", precision, centre[:, None] - x), roots)
    assert np.allclose(turns, centre[:, :3], atol=1e-9) and np.allclose(moves, centre[:, 3:], atol=1e-9)


def test_a_skewed_peaks_mean_is_on_its_longer_side_and_no_farther_than_a_deviation(roots: np.ndarray) -> None:
    """log p = -u^2 / 2 + a u^3 / 6 along a root's first direction: a Gaussian's mean is a / 2 off its top."""
    into = np.linalg.inv(roots)
    for skew, wanted in ((0.2, 0.1), (-0.2, -0.1), (20.0, 1.0)):

        def slope(x: np.ndarray, skew: float = skew) -> np.ndarray:
            u = np.einsum("nab,nkb->nka", into, x)
            grown = -u
            grown[..., 0] += skew * u[..., 0] ** 2 / 2
            return np.einsum("nba,nkb->nka", into, grown)

        turns, moves = moved(slope, roots)
        u = np.einsum("nab,nb->na", into, np.concatenate([turns, moves], axis=1))
        assert np.allclose(u[:, 0], wanted, atol=1e-9) and np.allclose(u[:, 1:], 0, atol=1e-9)


def test_the_mean_of_a_peak_that_is_alike_to_both_sides_is_its_top(roots: np.ndarray) -> None:
    into = np.linalg.inv(roots)

    def slope(x: np.ndarray) -> np.ndarray:
        u = np.einsum("nab,nkb->nka", into, x)
        return np.einsum("nba,nkb->nka", into, -u + 0.1 * u**3)

    turns, moves = moved(slope, roots)
    assert np.allclose(turns, 0, atol=1e-9) and np.allclose(moves, 0, atol=1e-9)


def test_what_is_hardly_known_stays(roots: np.ndarray) -> None:
    turns, moves = moved(lambda x: np.ones_like(x), roots * np.float64(100))
    assert not turns.any() and not moves.any()


@pytest.mark.parametrize("strength", [0.7, 2.0])
def test_means_are_nearer_to_the_truth_than_tops(strength: float) -> None:
    """In squared error, where images are those of a finer grid than the reference's."""
    rng = np.random.default_rng(0)
    volume = strength * gaussian_filter(rng.standard_normal((BOX,) * 3), 1.6) * soft_sphere(BOX, 12, 3)
    source, band = reference(volume.astype(np.float32), RADIUS), disc(BOX, RADIUS)
    fine = reference(np.pad(volume, BOX // 2).astype(np.float32) * 2, 2 * RADIUS)
    poses, shifts = Rotation.random(N, random_state=1).as_matrix(), rng.normal(0, 1.0, (N, 2))
    cut = slices(fine, poses, 2 * band.kx, 2 * band.ky)
    model = (cut[:, 0] + 1j * cut[:, 1]) * np.exp(-2j * np.pi / BOX * (shifts @ np.stack([band.kx, band.ky])))
    noise = rng.standard_normal((2, N, len(band))) * np.sqrt(0.5)
    x = np.stack([model.real + noise[0], model.imag + noise[1]], axis=1).astype(np.float32)
    block, prior = Block(band, x, np.ones((N, len(band)), np.float32)), Prior.flat(N)
    stages = [newton.Stage(RADIUS, 8, 1, 0.2, 1.0)] * 3
    starts = orientations.turned(poses, rng.normal(0, 0.1, (N, 3)))[:, None]  # from the truth itself tops are too good
    tops = newton.refine(source, block, starts, shifts[:, None], np.zeros((N, 1)), stages, prior, operators("C1"))
    root = laplace(tops.logp, tops.hessian)[1][:, 0]
    slopes = partial(CPU.slopes, source, block, radius=RADIUS, prior=prior)
    means, _ = mean.centred(slopes, tops.poses[:, 0], tops.shifts[:, 0], root)

    def error(found: np.ndarray) -> float:
        turn = orientations.angles_between(found, poses)
        return float((turn[turn < 0.7] ** 2).mean())

    assert error(means) < 0.995 * error(tops.poses[:, 0])
