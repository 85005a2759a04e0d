"""On a device a refinement gives what it gives on the host: its blocks, its sums, its noise, its maps and poses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.refine import curved, curved_cuda, data_cuda, engine, loop, maximisation, maximisation_cuda, near, rivals
from spa.refine.engine_cuda import Cuda
from spa.refine.expectation import given_poses
from spa.refine.maximisation import Spread
from spa.refine.problem import Workers
from spa.refine.several_cuda import Several
from spa.refine.states import State
from spa.search.orientations import angles_between
from spa.search.prior import Prior
from spa.volume import insert as into
from spa.volume import insert_cuda
from spa.volume.fsc import fsc
from spa.volume.slices import reference
from spa.volume.slices_cuda import reference as on_device
from spa.volume.symmetry import operators


@pytest.fixture(scope="module")
def case(planted: Callable) -> Any:
    """With all that an image may have: groups, B-factors, even aberrations, distortion."""
    made = planted(n=60)
    rng, images = np.random.default_rng(1), made.problem.images
    odd = replace(
        images, group=np.arange(60) % 2, bfactor=np.where(np.arange(60) % 3, 0.0, 80.0),
        even=rng.normal(0, 0.2, (2, len(images.band))).astype(np.float32),
        bend=np.array([[[1.01, 0.002], [0.002, 0.99]], [[1.0, 0.0], [0.0, 1.0]]]),
    )  # fmt: skip
    return replace(made, problem=replace(made.problem, images=odd), noise=np.abs(rng.normal(1, 0.1, (2, 20))))


ROOMS = {"float32": 2**31, "float16": 60 * 2 * 600 * 6, "streamed": 60 * 2 * 600}


@pytest.mark.parametrize("kept", list(ROOMS))
@pytest.mark.parametrize("straight", [False, True])
def test_blocks(case: Any, device: Device, kept: str, straight: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coefficients lie on the device as finely as they fit, or come block by block: blocks are the same."""
    images = case.problem.images
    if straight:
        images = replace(images, bend=None, even=None)
    monkeypatch.setattr(device, "free", lambda: ROOMS[kept])
    together = 7 if straight else 100  # of 60: some parts and a rest, or all at once
    monkeypatch.setattr(data_cuda, "LOADED", 4 * images.planes[0].size * together)
    held = data_cuda.images(device, images)
    assert held.kept_as == kept
    rows = np.array([7, 3, 59, 20, 21])
    found, wanted = data_cuda.block(held, rows, 15, case.noise), images.block(rows, 15, case.noise)
    assert np.allclose(found.ctf.get(), wanted.ctf, atol=2e-5)
    assert np.allclose(found.x.get(), wanted.x, rtol=1e-3 if kept == "float16" else 1e-6, atol=1e-4)
    assert data_cuda.block_size(held, len(images.band), 2**20) == 64 <= data_cuda.block_size(held, 100, 2**34)


@pytest.mark.parametrize("group", ["C1", "D2", "C3"])
@pytest.mark.parametrize("spread", [Spread(0), Spread(2), Spread(0, best_only=True)])
def test_sums(case: Any, device: Device, group: str, spread: Spread, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of both halves over a group; blocks on the device are larger, what is drawn is the same."""
    images, rng = case.problem.images, np.random.default_rng(3)
    poses = given_poses(case.poses, case.shifts)
    poses.weight[:, :2], poses.poses[:, 1] = [0.7, 0.3], np.roll(case.poses, 1, axis=0)
    poses.root[:] = 0.01 * rng.standard_normal(poses.root.shape)
    monkeypatch.setattr("spa.refine.data.BLOCK", 16)
    halves = [np.flatnonzero(images.half == half) for half in (0, 1)]
    given = images, poses, halves, 17, case.noise, spread, (0, 1), Workers(), operators(group)
    wanted, found = engine.CPU.accumulate(*given), Cuda(device).accumulate(*given)
    monkeypatch.setattr(device, "free", lambda: 2**20)  # too little to solve them there
    here = Cuda(device).accumulate(*given)
    for one, lies, again in zip(wanted, found, here):
        other = lies.get()
        np.testing.assert_allclose(again.grid, other.grid, atol=1e-5 * np.abs(other.grid).max())
        assert other.kernels == one.kernels and other.radius == one.radius
        for part in range(3):
            scale = np.abs(one.grid[..., part]).max()
            assert np.abs(other.grid[..., part] - one.grid[..., part]).max() < 2e-5 * scale


@pytest.mark.parametrize("radius", [4, 17])
def test_patterns(case: Any, device: Device, radius: int) -> None:
    """How likely images are as random patterns, of a power far below and far above the noise."""
    images, rows = case.problem.images, np.array([3, 0, 59, 8])
    for scale in (1e-3, 1.0, 1e4):
        power = scale * np.random.default_rng(0).uniform(0, 1, images.band.radius + 1)
        given = images, rows, radius, case.noise, power
        wanted, found = engine.CPU.patterns(*given), Cuda(device).patterns(*given)
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-3)


def test_insertion_is_the_adjoint_of_slicing(case: Any, device: Device) -> None:
    """Of a grid and an image: <slice(grid), image> = <grid, insert(image)>, before the plane x = 0 is closed."""
    images, rng = case.problem.images, np.random.default_rng(4)
    source = on_device(device, case.volume, 17)
    held = data_cuda.images(device, replace(images, bend=None))
    block = data_cuda.block(held, np.arange(8), 17, case.noise)
    from spa.volume.slices_cuda import slices

    cut = slices(source, case.poses[:8], block.disc.kx, block.disc.ky).get()
    sums = insert_cuda.accumulator(device, images.band.box, 17)
    samples = into.Samples(np.arange(8), case.poses[:8], np.zeros((8, 2)), np.ones(8))
    insert_cuda.insert(sums, samples, block.x, block.ctf, block.disc.kx, block.disc.ky)
    left = np.vdot(cut, block.x.get() * block.ctf.get()[:, None])
    grid, r = source.grid.get(), len(sums.grid) // 2
    assert grid.shape[:3] == sums.grid.shape[:3], rng
    assert np.vdot(grid[..., :2], sums.grid.get()[..., :2]) == pytest.approx(left, rel=1e-4), r


def test_what_is_left_of_images(case: Any, device: Device) -> None:
    images, poses = case.problem.images, given_poses(case.poses, case.shifts)
    rows = np.array([5, 2, 33])
    wanted = maximisation.left(images, poses, rows, reference(case.volume, 16), 16)
    held = data_cuda.images(device, images)
    found = maximisation_cuda.left(held, poses, rows, on_device(device, case.volume, 16), 16)
    assert np.allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_scales(case: Any, device: Device) -> None:
    """Images in another scale are the same coefficients with another CTF, and what fits a scale does not see it."""
    images, poses, cuda = case.problem.images, given_poses(case.poses, case.shifts), Cuda(device)
    rows, noise = np.array([5, 2, 33]), 1.3 * case.noise
    held = cuda.images(images)
    for scale in (None, np.linspace(0.5, 2, len(images))):
        scaled = images.scaled(scale)
        assert cuda.images(scaled).planes is held.planes
        block, wanted = cuda.block(scaled, rows, 12, noise), scaled.block(rows, 12, noise)
        assert np.allclose(block.ctf.get(), wanted.ctf, atol=2e-5) and np.allclose(block.x.get(), wanted.x, atol=1e-5)
        found = cuda.agreement(scaled, poses, rows, on_device(device, case.volume, 16), 12, noise)
        expected = engine.CPU.agreement(scaled, poses, rows, reference(case.volume, 16), 12, noise)
        for one, other in zip(found, expected):
            assert np.allclose(one, other, rtol=2e-3)


def both(problem: Any, start: State, device: Device, step: Callable, count: int) -> list[State]:
    """The states after some iterations on the host and on the device."""
    states = []
    for workers in (Workers(), Workers(engine=Cuda(device))):
        state = start
        while not state.done and state.iteration < count:
            state = step(problem, state, workers)
        states.append(state)
    return states


def agree(wanted: State, found: State, solvent: np.ndarray) -> None:
    assert (found.iteration, found.local, found.wide) == (wanted.iteration, wanted.local, wanted.wide)
    assert abs(found.radius - wanted.radius) <= 1
    turn = angles_between(wanted.best()[0].best(), found.best()[0].best())
    assert np.median(turn) < np.deg2rad(0.1) and (turn < np.deg2rad(1)).mean() > 0.95
    for one, other in zip(wanted.maps.reshape(-1, *solvent.shape), found.maps.reshape(-1, *solvent.shape)):
        assert fsc(one * solvent, other * solvent)[1 : wanted.radius].min() > 0.99


def test_a_refinement(planted: Callable, device: Device) -> None:
    """From a low-passed start to its end: searches of the whole grid, wide and not, and local ones."""
    case = planted(n=150)
    start = loop.first_state(case.problem, [case.volume], case.noise)
    wanted, found = both(case.problem, start, device, loop.iterated, 5)
    assert wanted.local
    agree(wanted, found, case.problem.solvent)


def test_a_refinement_near_given_poses(planted: Callable, device: Device) -> None:
    case = planted(n=80)
    prior = Prior(case.shifts, 1.5, case.poses, np.deg2rad(4))
    problem = replace(case.problem, prior=prior)
    start = near.first_state(problem, np.stack([case.volume, case.volume]), 8, case.noise)
    wanted, found = both(problem, start, device, loop.iterated, 2)
    agree(wanted, found, problem.solvent)


def test_classes(planted: Callable, device: Device) -> None:
    """Two references, every image searched and refined in both."""
    case = planted(n=80)
    other = np.ascontiguousarray(case.volume[::-1])
    start = loop.first_state(case.problem, [case.volume, other], case.noise)
    wanted, found = both(case.problem, start, device, rivals.iterated, 1)
    assert np.abs(wanted.shares - found.shares).mean() < 0.02
    sure = wanted.shares.max(axis=1) > 0.7  # rounding decides where the two are nearly as likely
    assert sure.mean() > 0.75 and np.array_equal(wanted.shares.argmax(1)[sure], found.shares.argmax(1)[sure])


def test_several_devices_give_the_same_bytes(planted: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two or three devices as of one: poses, maps, noise; all of them take part."""
    from tests.gpu import emulated

    if not emulated.there():
        pytest.skip("no g++ here: kernels cannot be emulated")
    monkeypatch.setattr("spa.refine.data.BLOCK", 8)
    monkeypatch.setattr("spa.refine.data_cuda.block_size", lambda *_: 8)
    made, states = planted(n=48), []
    problem = made.problem
    for count in (1, 2, 3):
        engines = [Cuda(emulated.device()) for _ in range(count)]
        workers = Workers(engine=Several(engines) if count > 1 else engines[0])
        state = loop.first_state(problem, [made.volume], made.noise)
        for _ in range(2):
            state = loop.iterated(problem, state, workers)
        states.append(state)
        busy = [one for one in engines if one.device.driver.launches]  # type: ignore[attr-defined]
        assert len(busy) >= min(count, 2)
    for state in states[1:]:
        for name in ("maps", "halves", "noise", "curve"):
            np.testing.assert_array_equal(getattr(state, name), getattr(states[0], name), err_msg=name)
        np.testing.assert_array_equal(state.best()[0].poses, states[0].best()[0].poses)


@pytest.mark.parametrize("sign", [1, -1])
def test_images_on_the_ewald_sphere(case: Any, device: Device, sign: int) -> None:
    """Sums of images, and of what they have beyond a map, with slow electrons: the sphere bends far."""
    problem, poses = case.problem, given_poses(case.poses, case.shifts)
    problem = replace(problem, settings=replace(problem.settings, operators=operators("C2")))
    state = loop.first_state(problem, [case.volume], case.noise)
    sphere = curved.Sphere(problem, state, poses, np.full(len(problem.images), 0.4 * sign))
    held = Cuda(device).images(problem.images)
    for volume in (None, case.volume):
        wanted = into.symmetrised(sphere.sums(0, volume), problem.settings.operators)
        found = curved_cuda.sums(held, sphere, 0, volume)
        for part in range(3):
            scale = np.abs(wanted.grid[..., part]).max()
            assert np.abs(found.grid[..., part] - wanted.grid[..., part]).max() < 1e-3 * scale, part
