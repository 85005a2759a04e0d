"""The accurate projector against closed forms: sums of Gaussians, whose projections are known."""

import numpy as np
import pytest

from spa.image import fft
from spa.volume.symmetry import operators, rotation
from spa.volume.transform import frequencies, projections, resampled, sample, transform

PIXEL = 2.0
SIGMA = 4.0  # angstroms
CENTRES = np.array([[0, 0, 0], [14, -6, 8], [-10, 20, 5], [3, 7, -18]], float)
HEIGHTS = np.array([1.0, 0.7, -0.5, 1.3])


def gaussians(n: int, pixel_size: float, centres: np.ndarray = CENTRES) -> np.ndarray:
    x = (np.arange(n) - n // 2) * pixel_size
    lines = [np.exp(-0.5 * ((x - centres[:, [i]]) / SIGMA) ** 2) for i in range(3)]
    return np.einsum("i,iz,iy,ix->zyx", HEIGHTS, lines[2], lines[1], lines[0]).astype(np.float32)


def projected_gaussians(n: int, pixel_size: float, pose: np.ndarray) -> np.ndarray:
    """The line integral along the third row of the pose, in units of the pixel."""
    x = (np.arange(n) - n // 2) * pixel_size
    u, v = CENTRES @ pose[0], CENTRES @ pose[1]
    image = np.einsum("i,iy,ix->yx", HEIGHTS, *(np.exp(-0.5 * ((x - c[:, None]) / SIGMA) ** 2) for c in (v, u)))
    return image * SIGMA * np.sqrt(2 * np.pi) / pixel_size


def random_poses(count: int) -> np.ndarray:
    q, r = np.linalg.qr(np.random.default_rng(0).standard_normal((count, 3, 3)))
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    return q * np.linalg.det(q)[:, None, None]


def images(spectra: np.ndarray, n: int) -> np.ndarray:
    return np.roll(fft.irfft2(spectra, n), (n // 2, n // 2), (1, 2))


@pytest.mark.parametrize(("n", "box"), [(48, 48), (48, 40), (49, 49), (48, 47)])
def test_a_projection_is_the_line_integral(n: int, box: int) -> None:
    poses = random_poses(4)
    got = images(projections(transform(gaussians(n, PIXEL), PIXEL), poses, box, PIXEL), box)
    for image, pose in zip(got, poses):
        expected = projected_gaussians(box, PIXEL, pose)
        assert np.abs(image - expected).max() < 1e-3 * expected.max()


def test_the_pixel_size_of_the_images_may_differ() -> None:
    poses = random_poses(2)
    got = images(projections(transform(gaussians(48, PIXEL), PIXEL), poses, 36, 2.75), 36)
    for image, pose in zip(got, poses):
        expected = projected_gaussians(36, 2.75, pose)
        assert np.abs(image - expected).max() < 2e-3 * expected.max()


def test_the_transform_of_a_projection_is_a_central_slice() -> None:
    n = 40
    volume = gaussians(n, PIXEL)
    summed = np.fft.rfft2(np.roll(volume.sum(0, dtype=float), (-(n // 2),) * 2, (0, 1)))
    kx, ky = frequencies(n, PIXEL)
    inside = kx**2 + ky**2 < (0.5 / PIXEL) ** 2
    got = projections(transform(volume, PIXEL), np.eye(3)[None], n, PIXEL)[0]
    assert np.abs(got - summed)[inside].max() < 1e-4 * np.abs(summed).max()
    assert np.all(got[~inside] == 0)


def test_the_sampled_transform_is_hermitian() -> None:
    k = np.random.default_rng(1).uniform(-0.12, 0.12, (50, 3))
    source = transform(gaussians(32, PIXEL, CENTRES / 2), PIXEL)
    assert np.allclose(sample(source, -k), np.conj(sample(source, k)), atol=1e-3)


def test_resampling_on_the_same_grid_changes_nothing() -> None:
    volume = gaussians(48, PIXEL)
    assert np.abs(resampled(transform(volume, PIXEL), 48, PIXEL) - volume).max() < 1e-3 * volume.max()


def test_resampling_keeps_the_centre_and_the_values() -> None:
    volume = resampled(transform(gaussians(48, PIXEL), PIXEL), 33, 2.6)
    assert np.abs(volume - gaussians(33, 2.6)).max() < 2e-3 * volume.max()


@pytest.mark.parametrize("group", ["C3", "D2", "T", "O"])
def test_averaging_over_a_group_makes_a_map_that_its_elements_leave(group: str) -> None:
    ops = operators(group)
    once = resampled(transform(gaussians(40, PIXEL), PIXEL), 40, PIXEL, ops)
    again = resampled(transform(once, PIXEL), 40, PIXEL, ops[-1:])
    assert np.abs(again - once).max() < 2e-3 * np.abs(once).max()


def test_an_element_moves_the_density_as_it_moves_points() -> None:
    """``operators`` act on column vectors: the map turned by g has its Gaussians at g @ centre."""
    turn = rotation((0, 0, 1), 0.4)
    got = resampled(transform(gaussians(40, PIXEL), PIXEL), 40, PIXEL, turn[None])
    expected = gaussians(40, PIXEL, CENTRES @ turn.T)
    assert np.abs(got - expected).max() < 2e-3 * expected.max()
