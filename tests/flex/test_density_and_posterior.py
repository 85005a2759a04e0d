"""Images of a density that moves as known: the density comes back, and so do the coordinates."""

import numpy as np
import pytest

from spa.flex import density as densities
from spa.flex import mesh as meshes
from spa.flex.latents import Flow, settled
from spa.flex.scene import Scene, fit, looked, narrowed, scene, seen, shell_weight, slopes
from spa.image.disc import disc
from spa.refine.data import Images
from spa.refine.problem import Workers
from spa.vary.views import ONE, Views
from spa.volume.masks import soft_sphere
from spa.volume.rotations import from_rotation_vectors

BOX, RADIUS, N = 20, 7, 240
FLAT = np.array([0.0, 0.0, 0.0, 0.0, np.pi / 2])  # a CTF of 1


def flow(lattice: meshes.Mesh) -> Flow:
    """The half at x > 0 goes along y with the coordinate, by 0.06 of the box at 1."""
    share = 1 / (1 + np.exp(-30 * lattice.vertices[:, 0]))

    def moves(z: np.ndarray) -> np.ndarray:
        out = np.zeros((len(z), len(lattice.vertices), 3), np.float32)
        out[:, :, 1] = 0.06 * z[:, :1] * share
        return out

    return moves


@pytest.fixture(scope="module")
def made() -> tuple[Scene, np.ndarray, np.ndarray]:
    """Noiseless images (weights as if noise were 0.05), the density in them, and each one's coordinate."""
    rng = np.random.default_rng(0)
    mask = soft_sphere(BOX, 5, 2)
    lattice = meshes.mesh(mask, 6)
    body = meshes.body(lattice, mask)
    band = disc(BOX, RADIUS)
    blank = np.zeros((N, 2, len(band)), np.float32)
    images = Images(band, 4.0, blank, np.tile(FLAT, (N, 1)), np.zeros(N), np.zeros(N, int), np.arange(N) % 2)
    views = Views(images, from_rotation_vectors(2 * rng.standard_normal((N, 3))), np.full((1, RADIUS + 1), 0.05))
    found = scene(views, lattice, body, ONE)
    z, density = rng.standard_normal((N, 1)), 0.2 * rng.random(len(body)).astype(np.float32)
    at = found.places(flow(lattice)(z), np.arange(N))
    p = found.canvas.projected(density, at)
    images.planes[:, 0], images.planes[:, 1] = p.real, p.imag
    return found, density, z


def misfit(found: Scene, density: np.ndarray, z: np.ndarray) -> float:
    rows = np.arange(N)
    p = seen(found, rows, density, flow(found.mesh)(z))
    return float(fit(found, *looked(found, rows), p).misfit.sum())


def test_the_density_comes_back_once_its_motion_is_known(made: tuple[Scene, np.ndarray, np.ndarray]) -> None:
    found, density, z = made
    rows = np.arange(N)
    weight = shell_weight(found, rows, Workers())
    best = misfit(found, density, z)

    def left(at: np.ndarray) -> float:
        posed = densities.Posed(found, rows, at, flow(found.mesh))
        trail = list(densities.solved(posed, np.zeros_like(density), 1e-4 * weight, weight, 8, Workers()))
        falling = [misfit(found, one, at) for one in trail]
        assert falling == sorted(falling, reverse=True)
        return (falling[-1] - best) / -best

    assert left(z) < 0.003  # of what images say
    assert left(np.zeros_like(z)) > 5 * left(z)


def test_what_the_preconditioner_holds_is_near_the_truth_where_nothing_moves(made: tuple) -> None:
    found, density, z = made
    rows = np.arange(N)
    weight = shell_weight(found, rows, Workers())
    posed = densities.Posed(found, rows, np.zeros_like(z), flow(found.mesh))
    smooth = found.body.values(soft_sphere(BOX, 3, 3))
    bent = densities._normal(posed, np.ones(N, np.float32), smooth, Workers())
    assert np.corrcoef(bent, densities.held(found, smooth, weight))[0, 1] > 0.97
    assert np.dot(bent, smooth) == pytest.approx(np.dot(densities.held(found, smooth, weight), smooth), rel=0.1)


def test_coordinates_come_back_with_error_bars(made: tuple[Scene, np.ndarray, np.ndarray]) -> None:
    found, density, z = made
    rows = np.arange(N)
    posterior = settled(found, rows, density, flow(found.mesh), 0 * z, Workers(), 6)
    error = np.sqrt(posterior.spread[:, 0, 0])
    assert np.corrcoef(posterior.mean[:, 0], z[:, 0])[0, 1] > 0.98
    assert 0 < np.median(error) < 0.3
    shrunk = z[:, 0] * (1 - error**2)  # by the prior
    assert np.median(np.abs(posterior.mean[:, 0] - shrunk)) < np.median(error)


def test_slopes_vanish_at_the_truth_and_point_to_it_elsewhere(made: tuple[Scene, np.ndarray, np.ndarray]) -> None:
    found, density, z = made
    rows = np.arange(N)
    here = slopes(found, rows, density, flow(found.mesh)(z), Workers())
    away = slopes(found, rows, density, flow(found.mesh)(z + 0.3), Workers())
    assert np.abs(here.moves).max() < 0.02 * np.abs(away.moves).max()
    assert (away.moves * flow(found.mesh)(np.ones_like(z))).sum() > 0


def test_a_narrower_band_shares_the_coefficients(made: tuple[Scene, np.ndarray, np.ndarray]) -> None:
    found, *_ = made
    small = narrowed(found.views, 4)
    assert small.images.band.radius == 4 and small.images.planes.base is not None
    assert np.shares_memory(small.images.planes, found.views.images.planes)
    assert small.images.pixel_size * small.images.band.box == pytest.approx(BOX * 4.0)
