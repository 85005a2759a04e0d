"""Moving a mesh: what stays, what a projection is, and what its slopes are."""

import numpy as np
import pytest

from spa.errors import DeviceError
from spa.flex import mesh as meshes
from spa.flex import project, project_cuda, rigid
from spa.gpu.device import Device
from spa.image.disc import disc
from spa.volume.masks import soft_sphere
from spa.volume.rotations import from_rotation_vectors

BOX, RADIUS = 24, 6


@pytest.fixture(scope="module")
def made() -> tuple:
    """A mesh over a ball, its voxels, a density in them, a screen and some poses."""
    rng = np.random.default_rng(0)
    mask = soft_sphere(BOX, 6, 3)
    lattice = meshes.mesh(mask, 5)
    body = meshes.body(lattice, mask)
    band = disc(BOX, RADIUS)
    poses = from_rotation_vectors(rng.standard_normal((3, 3)))
    return lattice, body, rng.standard_normal(len(body)).astype(np.float32), project.screen(band, len(band)), poses


def positions(lattice: meshes.Mesh, body: meshes.Body, moves: np.ndarray | float) -> np.ndarray:
    return np.einsum("mc,mca->ma", body.shares, (lattice.vertices + moves)[body.corners])


def test_barycentric_coordinates_give_back_every_voxel(made: tuple) -> None:
    lattice, body, *_ = made
    z, y, x = np.unravel_index(body.flat, (BOX,) * 3)
    at = (np.stack([x, y, z], axis=1) - BOX // 2) / BOX
    assert np.abs(positions(lattice, body, 0) - at).max() < 1e-6
    assert (body.shares > -1e-6).all() and np.allclose(body.shares.sum(axis=1), 1, atol=1e-6)
    assert len(body) == (soft_sphere(BOX, 6, 3) > meshes.INSIDE).sum()


def test_a_projection_is_the_direct_sum_over_moved_voxels(made: tuple) -> None:
    lattice, body, density, on, poses = made
    moves = 0.02 * np.random.default_rng(1).standard_normal(lattice.vertices.shape).astype(np.float32)
    band = disc(BOX, RADIUS)
    found = project.projected(on, body, density, project.places(on.side, lattice, moves[None].repeat(3, 0), poses))
    for pose, mine in zip(poses, found):
        flat = positions(lattice, body, moves) @ pose[:2].T
        direct = density @ np.exp(-2j * np.pi * flat @ np.stack([band.kx, band.ky])) / BOX
        assert np.abs(mine - direct).std() < 0.03 * np.abs(direct).std()


def test_the_adjoint_is_the_adjoint_and_slopes_are_those_of_moves(made: tuple) -> None:
    lattice, body, density, on, poses = made
    rng = np.random.default_rng(2)
    at = project.places(on.side, lattice, np.zeros((3, *lattice.vertices.shape), np.float32) + np.float32(0.003), poses)
    residual = rng.standard_normal((3, len(on.flat))) + 1j * rng.standard_normal((3, len(on.flat)))
    residual = residual.astype(np.complex64)
    slope, value = project.adjoint(on, body, density, at, residual)
    other = rng.standard_normal(len(body)).astype(np.float32)
    product = 2 * (residual.conj() * project.projected(on, body, other, at)).real.sum()
    assert product == pytest.approx(float(value @ other), rel=1e-4)
    np.testing.assert_allclose(project.adjoint_density(on, body, at, residual), value, atol=1e-5 * np.abs(value).max())
    way = np.ones_like(at) * np.float32(1e-3)  # all together: next to no place leaves its pixel

    def misfit(sign: float) -> float:
        moved = project.projected(on, body, density, at + np.float32(sign) * way)
        return 2 * float((residual.conj() * moved).real.sum(dtype=np.float64))

    assert (misfit(1) - misfit(-1)) / 2 == pytest.approx(float((slope * way).sum()), rel=0.05)


@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_a_device_projects_as_the_host(made: tuple, device: Device, scale: float) -> None:
    """And its adjoint is the host's; voxels that leave the image (of moves 20 times as far) are seen by neither."""
    lattice, body, density, on, poses = made
    rng = np.random.default_rng(4)
    moves = scale * 0.02 * rng.standard_normal((3, *lattice.vertices.shape)).astype(np.float32)
    at = project.places(on.side, lattice, moves, poses)
    there, here = project_cuda.Canvas(device, on, body), project.Canvas(on, body)
    wanted = here.projected(density, at)
    np.testing.assert_allclose(there.projected(density, at), wanted, atol=1e-5 * np.abs(wanted).max())
    residual = (wanted + rng.standard_normal(wanted.shape)).astype(np.complex64)
    for found, one in zip(there.adjoint(density, at, residual), here.adjoint(density, at, residual)):
        assert found.shape == one.shape
        np.testing.assert_allclose(found, one, atol=2e-5 * np.abs(one).max())
    np.testing.assert_allclose(there.adjoint_density(at, residual), found, atol=2e-5 * np.abs(found).max())


def test_a_device_without_room_says_so_at_once(made: tuple, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "free", lambda: 1000)
    with pytest.raises(DeviceError, match="projecting blocks of images needs"):
        project_cuda.Canvas(device, made[3], made[1])


def test_rigid_motions_cost_nothing_and_slopes_are_right(made: tuple) -> None:
    lattice, body, density, *_ = made
    stiff = rigid.stiffness(lattice, body.cell, np.abs(density))
    assert stiff.sum() == pytest.approx(1, abs=1e-5)
    turn = from_rotation_vectors(np.array([[0.4, -0.8, 0.3]]))[0]
    whole = (lattice.vertices @ turn.T - lattice.vertices + 0.1).astype(np.float32)
    assert rigid.energy(lattice, stiff, whole[None])[0][0] < 1e-7
    stretched = (0.1 * lattice.vertices).astype(np.float32)
    assert rigid.energy(lattice, stiff, stretched[None])[0][0] == pytest.approx(3 * 0.01, rel=1e-3)
    rng = np.random.default_rng(3)
    moves = (0.01 * rng.standard_normal(lattice.vertices.shape)).astype(np.float32)
    way = (1e-3 * rng.standard_normal(moves.shape)).astype(np.float32)
    _, slope = rigid.energy(lattice, stiff, moves[None])
    ends = [rigid.energy(lattice, stiff, (moves + sign * way)[None])[0][0] for sign in (1, -1)]
    assert (ends[0] - ends[1]) / 2 == pytest.approx(float((slope * way).sum()), rel=0.02)


@pytest.mark.parametrize("size", [0.02, 0.2, 0.6, -0.9, -1.3])
def test_what_a_strain_costs_is_its_distance_from_the_rotations(made: tuple, size: float) -> None:
    """By the stretches s of its singular values, the least of them negative where it is turned inside out."""
    lattice, body, density, *_ = made
    rng = np.random.default_rng(5)
    turn = from_rotation_vectors(rng.standard_normal((1, 3)))[0]
    strain = turn @ np.diag([1 + size, 1 + 0.3 * abs(size), 1 - 0.2 * abs(size)])
    stretches = np.linalg.svd(strain)[1] * [1, 1, np.sign(1 + size)]
    moves = (lattice.vertices @ (strain - np.eye(3)).T).astype(np.float32)
    found = rigid.energy(lattice, rigid.stiffness(lattice, body.cell, np.abs(density)), moves[None])[0][0]
    assert found == pytest.approx(((stretches - 1) ** 2).sum(), rel=2e-3)


def test_a_shift_of_all_vertices_shifts_the_map(made: tuple) -> None:
    lattice, body, *_ = made
    z, y, x = np.ogrid[(slice(-(BOX // 2), BOX // 2),) * 3]
    blob = np.exp(-(x**2 + y**2 + z**2) / 8).astype(np.float32)
    moves = np.zeros(lattice.vertices.shape)
    moves[:, 0] = 2 / BOX
    found = project.moved(lattice, body, body.values(blob), moves)
    assert np.abs(found - np.roll(blob, 2, 2)).max() < 0.05
