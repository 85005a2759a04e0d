"""The twins on a device give what the host's functions give: slices, scores, climbs, survivors."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spa.gpu.device import Device
from spa.image.disc import disc
from spa.image.disc_cuda import on_device
from spa.refine.engine import CPU
from spa.search import exhaustive, exhaustive_cuda, images_cuda, newton, newton_cuda, orientations
from spa.search.images import Block, prefix
from spa.search.likelihood import evaluate
from spa.search.prior import Prior
from spa.volume import slices_cuda
from spa.volume.masks import soft_sphere
from spa.volume.slices import reference, slices
from spa.volume.symmetry import operators

BOX, RADIUS, N = 32, 11, 7


@pytest.fixture(scope="module")
def case() -> dict:
    rng = np.random.default_rng(0)
    volume = (15 * gaussian_filter(rng.standard_normal((BOX,) * 3), 1.6) * soft_sphere(BOX, 9, 4)).astype(np.float32)
    band = disc(BOX, RADIUS)
    poses = Rotation.random(N, random_state=1).as_matrix()
    shifts = rng.normal(0, 1.5, (N, 2))
    ctf = np.sin(0.4 + 0.02 * band.shell**2)[None] * rng.uniform(0.8, 1.2, (N, 1))
    cut = slices(reference(volume, RADIUS), poses, band.kx, band.ky)
    model = ctf * (cut[:, 0] + 1j * cut[:, 1]) * np.exp(-2j * np.pi / BOX * (shifts @ np.stack([band.kx, band.ky])))
    noise = rng.standard_normal((2, N, len(band))) * np.sqrt(0.5)
    x = np.stack([model.real + noise[0], model.imag + noise[1]], axis=1).astype(np.float32)
    return {"volume": volume, "block": Block(band, x, ctf.astype(np.float32)), "poses": poses, "shifts": shifts}


def on(device: Device, block: Block) -> images_cuda.Block:
    bend = None if block.bend is None else device.array(block.bend.reshape(-1, 4), np.float32)
    return images_cuda.Block(block.band, device.array(block.x), device.array(block.ctf), block.x.shape[2], bend)


def test_slices(case: dict, device: Device) -> None:
    band, poses = case["block"].band, Rotation.random(5, random_state=3).as_matrix()
    poses = np.concatenate([poses, np.eye(3)[None], np.diag([-1.0, 1, -1])[None]])  # on the grid's own planes too
    names, power = on_device(device, band), device.empty(len(poses), len(band))
    found = slices_cuda.slices(slices_cuda.reference(device, case["volume"], RADIUS), poses, names.kx, names.ky, power)
    wanted = slices(reference(case["volume"], RADIUS), poses, band.kx, band.ky)
    assert np.allclose(found.get(), wanted, atol=2e-6 * np.abs(wanted).max())
    assert np.allclose(power.get(), (wanted**2).sum(axis=1), atol=4e-6 * np.abs(wanted).max() ** 2)


@pytest.mark.parametrize("box", [32, 33])
@pytest.mark.parametrize("radius", [4, RADIUS, 15])  # the first on a coarser grid
def test_references(device: Device, box: int, radius: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oversampled transform is the host's, whether it is made on the device or brought there."""
    volume = gaussian_filter(np.random.default_rng(6).standard_normal((box,) * 3), 1.0).astype(np.float32)
    wanted, found = reference(volume, radius), slices_cuda.reference(device, volume, radius)
    assert (found.box, found.radius, found.grid.shape) == (wanted.box, wanted.radius, wanted.grid.shape)
    assert np.allclose(found.grid.get(), wanted.grid, atol=1e-5 * np.abs(wanted.grid).max())
    monkeypatch.setattr(device, "free", lambda: 2**16)
    assert np.array_equal(slices_cuda.reference(device, volume, radius).grid.get(), wanted.grid)


@pytest.mark.parametrize("tile", [1, 2**28])
@pytest.mark.parametrize("radius", [RADIUS, 6])
def test_search(
    case: dict, device: Device, tile: int, radius: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # one image a tile, or all
    monkeypatch.setattr(exhaustive_cuda, "TILE", tile)
    block, grid = case["block"], orientations.grid(0.5, operators("C1"), np.random.default_rng(2))
    band, centres = block.band, np.round(case["shifts"])
    count, shifts = band.count(radius), orientations.shift_grid(1.0, 2.5)
    cut = slices(reference(case["volume"], RADIUS), grid, band.kx[:count], band.ky[:count])
    wanted = exhaustive.search(prefix(block, centres, radius), exhaustive.columns(grid, cut), shifts, 2.0, 6)
    source = slices_cuda.reference(device, case["volume"], RADIUS)
    columns = exhaustive_cuda.columns(source, grid, band, count)
    low = images_cuda.prefix(on(device, block), centres, radius)
    found = exhaustive_cuda.search(low, columns, shifts, 2.0, 6)
    scale = np.abs(wanted.score).max()
    # a card multiplies in TF32: what is as good but for its rounding may change places
    assert np.allclose(found.score, wanted.score, atol=1e-5 * scale if device.capability < (8, 0) else 3e-3 * scale)
    if device.driver.name.startswith("emulated"):
        assert np.array_equal(found.pose, wanted.pose) and np.array_equal(found.shift, wanted.shift)


def test_as_many_candidates_as_there_are(case: dict, device: Device) -> None:
    grid = Rotation.random(5, random_state=4).as_matrix()
    source = slices_cuda.reference(device, case["volume"], RADIUS)
    columns = exhaustive_cuda.columns(source, grid, case["block"].band, 40)
    low = images_cuda.prefix(on(device, case["block"]), np.zeros((N, 2)), 5)
    low = replace(low, count=40)
    found = exhaustive_cuda.search(low, columns, np.zeros((1, 2)), 1.0, 9)
    assert found.pose.shape == (N, 5) and all(set(row) == set(range(5)) for row in found.pose)
    assert np.all(np.diff(found.score, axis=1) <= 0)


def climbs(case: dict, stages: list, prior: Prior, device: Device, group: str = "C1", bend: bool = False):  # type: ignore[no-untyped-def]
    """Modes from starts about the truth, and one that is none, by the host and by the device."""
    rng, block = np.random.default_rng(5), case["block"]
    if bend:
        block = replace(block, bend=np.tile([[[1.02, 0.01], [0.0, 0.98]]], (N, 1, 1)))
    m = 4
    poses = orientations.turned(np.repeat(case["poses"], m, axis=0), rng.normal(0, 0.12, (N * m, 3)))
    poses = poses.reshape(N, m, 3, 3)
    shifts = case["shifts"][:, None] + rng.normal(0, 0.7, (N, m, 2))
    logp = np.zeros((N, m))
    logp[2, 1:], logp[3, 2] = -np.inf, -np.inf
    given = poses, shifts, logp, stages, prior, operators(group)
    source = slices_cuda.reference(device, case["volume"], RADIUS)
    return (newton.refine(reference(case["volume"], RADIUS), block, *given),
            newton_cuda.refine(source, on(device, block), *given))  # fmt: skip


def agree(wanted: newton.Modes, found: newton.Modes) -> None:
    n, m = wanted.logp.shape
    assert np.all(found.logp[:, m:] == -np.inf)
    there = wanted.logp > -np.inf
    assert np.array_equal(there, found.logp[:, :m] > -np.inf)
    assert np.allclose(found.logp[:, :m][there], wanted.logp[there], atol=5e-3, rtol=1e-5)
    assert np.allclose(found.poses[:, :m][there], wanted.poses[there], atol=2e-4)
    assert np.allclose(found.shifts[:, :m][there], wanted.shifts[there], atol=2e-3)
    scale = np.abs(wanted.hessian[there]).max(axis=(1, 2), keepdims=True)
    assert (np.abs(found.hessian[:, :m][there] - wanted.hessian[there]) / scale).max() < 2e-3


@pytest.mark.parametrize("bend", [False, True])
@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("group", ["C1", "D2"])
def test_climbs(case: dict, device: Device, local: bool, bend: bool, group: str) -> None:
    poses = orientations.turned(case["poses"], np.full((N, 3), 0.05)) if local else None
    prior = Prior(case["shifts"] + 0.3, 1.5, poses, 0.1)
    stages = [newton.Stage(7, 2, 4, 0.35, 3.0), newton.Stage(RADIUS, 4, 2, 0.08, 0.8)]
    wanted, found = climbs(case, stages, prior, device, group, bend)
    agree(wanted, found)
    assert found.evaluations == pytest.approx(wanted.evaluations, rel=0.05)


def test_a_stage_of_no_steps_is_the_height(case: dict, device: Device) -> None:
    prior = Prior(np.zeros((N, 2)), 3.0)
    poses, shifts = case["poses"][:, None], case["shifts"][:, None]
    sums = evaluate(reference(case["volume"], RADIUS), case["block"], np.arange(N), poses[:, 0], shifts[:, 0], RADIUS)
    wanted = 2 * sums.cross - sums.norm + prior.logp(np.arange(N), poses[:, 0], shifts[:, 0])
    source = slices_cuda.reference(device, case["volume"], RADIUS)
    found = newton_cuda.heights(source, on(device, case["block"]), poses, shifts, RADIUS, prior)
    assert np.allclose(found[:, 0], wanted, rtol=1e-5, atol=1e-3)


def test_slopes(case: dict, device: Device) -> None:
    poses = orientations.turned(case["poses"], np.full((N, 3), 0.05))[:, None]
    prior, shifts = Prior(case["shifts"] + 0.3, 1.5, case["poses"], 0.1), case["shifts"][:, None] - 0.2
    wanted = CPU.slopes(reference(case["volume"], RADIUS), case["block"], poses, shifts, RADIUS, prior)
    source = slices_cuda.reference(device, case["volume"], RADIUS)
    found = newton_cuda.slopes(source, on(device, case["block"]), poses, shifts, RADIUS, prior)
    assert np.allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("angle", [0.01, 0.5, 2.0, 3.1, np.pi])
def test_turns_of_any_size_are_known_to_the_prior(case: dict, device: Device, angle: float) -> None:
    """The prior's part of log p is that of the turn's angle, up to half a turn."""
    axis = np.array([[0.6, 0.0, 0.8], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0.6, -0.8], [-0.6, 0.8, 0], [0, -1, 0]])
    poses = orientations.turned(case["poses"], angle * axis)
    source, block = slices_cuda.reference(device, case["volume"], RADIUS), on(device, case["block"])
    free, bound = (
        newton_cuda.heights(source, block, poses[:, None], case["shifts"][:, None], 4, prior)
        for prior in (Prior(case["shifts"], 1.0), Prior(case["shifts"], 1.0, case["poses"], 0.2))
    )
    assert np.allclose((free - bound)[:, 0], 0.5 * (angle / 0.2) ** 2, rtol=1e-6, atol=1e-6)
