"""What refiners, 2-D classes and maps from nothing are made of."""

from collections.abc import Iterator

import numpy as np
from scipy.spatial.transform import Rotation

from spa.abinit import batch, soft
from spa.class2d import expect_cuda
from spa.class2d.plane import Plane, resampled
from spa.class2d.sampling import levels
from spa.class3d import consensus_cuda
from spa.flex import mesh, project, project_cuda
from spa.gpu.device import Device
from spa.image.ctf import Lens, chi_terms
from spa.image.disc import disc
from spa.image.disc_cuda import on_device
from spa.refine.data import Images
from spa.refine.engine_cuda import Cuda
from spa.refine.problem import Workers
from spa.search import exhaustive_cuda, newton_cuda, orientations
from spa.search.images_cuda import Block
from spa.search.newton import Stage
from spa.search.prior import Prior
from spa.volume import insert_cuda, slices_cuda, solve_cuda
from spa.volume.insert import Samples
from spa.volume.masks import soft_sphere
from tests.benchmarks.gpu.case import Case


def cases(device: Device, box: int, images: int, step: float) -> Iterator[Case]:
    """Of a box and number of images; step (degrees) of the coarse grid."""
    yield coarse_pass(device, box, images, step)
    band, poses = disc(box, box // 2 - 1), Rotation.random(images, random_state=0).as_matrix()
    count, rng, names = len(band), np.random.default_rng(1), on_device(device, band)
    volume = rng.standard_normal((box,) * 3).astype(np.float32)
    source = slices_cuda.reference(device, volume, band.radius)
    cube = 4.0 * volume.size
    yield Case("reference: pad, transform, grid", lambda: slices_cuda.reference(device, volume, band.radius), 20 * cube)
    yield Case(f"slices, {images}", lambda: slices_cuda.slices(source, poses, names.kx, names.ky), 8.0 * images * count)
    x = device.array(rng.standard_normal((images, 2, count), np.float32))
    ctf = device.array(rng.standard_normal((images, count), np.float32))
    sums = insert_cuda.accumulator(device, box, band.radius)
    samples = Samples(np.arange(images), poses, np.zeros((images, 2)), np.ones(images))
    yield Case(f"insertions, {images}: eight cells a coefficient", lambda: insert_cuda.insert(
        sums, samples, x, ctf, names.kx, names.ky), images * count * 8.0 * 3 * 4 * 2)  # fmt: skip
    weight = np.ones(sums.radius + 2)
    yield Case("shells of sums weighed", sums.shell_weight, 1.0 * sums.grid.nbytes)
    yield Case("a map solved from sums, and brought to the host", lambda: solve_cuda.solve(device, sums, weight),
               sums.grid.nbytes + 24.0 * (2 * box) ** 3 + 2 * cube)  # fmt: skip
    block, none = Block(band, x, ctf, count), np.zeros((images, 2))
    prior = Prior.flat(images)
    start, stages = (poses[:, None], none[:, None], np.zeros((images, 1))), [Stage(band.radius, 3, 1, 0.1, 2.0)]
    yield Case(f"Gauss-Newton, {images} images x 3 steps, one pose", lambda: newton_cuda.refine(
        source, block, *start, stages, prior, np.eye(3)[None]), 3 * images * count * (8 + 4 + 64.0))  # fmt: skip
    maps, sides = 6, 2
    sources, ones = [source] * maps, np.ones(images)
    nbytes = 8.0 * images * count * (maps + 8 * sides * (sides + 1) // 2) + 12.0 * images * count * sides
    yield Case(f"images under {maps} maps, {images}", lambda: consensus_cuda.moments(
        block, sources, poses, none, ones), nbytes)  # fmt: skip
    yield from bent(device, box)
    yield from from_nothing(device, box, images)
    yield classes(device, box, images)


def bent(device: Device, box: int) -> Iterator[Case]:
    """What `refine flex` does with a block of images: a ball of half the box, projected, and the adjoint of that."""
    mask, band = soft_sphere(box, box / 4, 3), disc(box, box // 3)
    lattice = mesh.mesh(mask, 12)
    body = mesh.body(lattice, mask)
    on = project.screen(band, len(band))
    canvas = project_cuda.Canvas(device, on, body)
    poses = Rotation.random(canvas.block, random_state=0).as_matrix()
    at = project.places(on.side, lattice, np.zeros((canvas.block, *lattice.vertices.shape), np.float32), poses)
    density = np.random.default_rng(5).random(len(body)).astype(np.float32)
    seen, fine = canvas.projected(density, at), 4.0 * canvas.block * on.side**2
    added = 16.0 * canvas.block * len(body)
    name = f"{canvas.block} projections of {len(body)} voxels that move"
    yield Case(name, lambda: canvas.projected(density, at), 2 * added + 6 * fine)
    yield Case(f"{name}, the adjoint", lambda: canvas.adjoint(density, at, seen), 5 * added + 6 * fine)


def coarse_pass(device: Device, box: int, images: int, step: float) -> Case:
    """Every orientation and shift for some images; the operations are those of the products, all else is overhead."""
    band = disc(box, min(int(3 / np.deg2rad(step)), box // 2 - 1))
    rng, count = np.random.default_rng(1), len(band)
    x = device.array(rng.standard_normal((images, 2, count), np.float32))
    block = Block(band, x, device.array(rng.standard_normal((images, count), np.float32)), count)
    poses = orientations.grid(np.deg2rad(step), np.eye(3)[None], rng)
    volume = rng.standard_normal((box,) * 3).astype(np.float32)
    columns = exhaustive_cuda.columns(slices_cuda.reference(device, volume, band.radius), poses, band, count)
    shifts = orientations.shift_grid(max(0.25 * box / band.radius, 1.0), box / 25)
    flops = 2.0 * images * len(poses) * count * (2 * len(shifts) + 1)
    name = f"coarse pass, {images} images x {len(poses)} poses x {len(shifts)} shifts, shells to {band.radius}"
    return Case(name, lambda: exhaustive_cuda.search(block, columns, shifts, 2.0, 60), 0.0, flops, 3)


def simulated(box: int, n: int) -> Images:
    """Images of noise alone."""
    band, rng = disc(box, box // 2 - 1), np.random.default_rng(2)
    chi = chi_terms(Lens(300, 2.7, 0.1), *(np.full(n, value) for value in (15000.0, 14800.0, 0.3, 0.0)))
    planes = rng.standard_normal((n, 2, len(band)), np.float32)
    return Images(band, 2.0, planes, chi, np.zeros(n), np.zeros(n, int), np.arange(n) % 2)


def from_nothing(device: Device, box: int, n: int) -> Iterator[Case]:
    """A batch of `abinit model`: scores, posteriors, averages."""
    images, workers = simulated(box, n), Workers(engine=Cuda(device))
    radius = min(20, box // 2 - 1)
    poses = orientations.grid(np.deg2rad(12), np.eye(3)[None], np.random.default_rng(0))
    shifts = orientations.shift_grid(3.0, 9.0)
    grid = batch.Grid(poses, (radius, radius), (shifts, shifts), 4.0)
    maps = np.random.default_rng(3).standard_normal((2, box, box, box)).astype(np.float32)
    noise, rows = np.ones((1, images.band.radius + 1)), np.arange(n)
    states = len(maps) * len(poses) * len(shifts)
    flops = 2.0 * n * states * 2 * images.band.count(radius) * 2  # scores, and the averages weighted by them
    yield Case(f"abinit batch, {n} images x {len(poses)} poses x {len(shifts)} shifts x 2 maps", lambda:
               batch.averages(images, rows, maps, noise, grid, soft.Temper(), workers), 0.0, flops, 3)  # fmt: skip


def classes(device: Device, box: int, n: int, k: int = 50) -> Case:
    """The E-step of `classify 2d` in the whole band of its first iterations."""
    images, radius = simulated(box, n), min(24, box // 2 - 1)
    plane = Plane(box, radius)
    shapes = np.random.default_rng(4).standard_normal((k, box, box)).astype(np.float32)
    grids, grid = plane.grids(resampled(shapes, plane.small)), levels(box, 0.7 * box, radius, 5.0, 0.5)
    noise = np.ones((1, images.band.radius + 1))
    prior = np.full(k, -np.log(k))
    made = expect_cuda.Expectation(Cuda(device), plane, images, grid, prior, noise, 3.0, 5.0).against(grids)
    first, rows, shift = made.levels[0], np.arange(n), np.zeros((n, 2), np.float32)
    shifts = len(expect_cuda.coarse.cells_around(1, None, made.model)[0][0])
    flops = 2.0 * n * len(first.re) * first.count * (2 * shifts + 1)
    name = f"2-D E-step, {n} images x {k} classes, {len(first.re) // k * 2} angles x {shifts} shifts at first"
    return Case(name, lambda: made(rows, shift, np.zeros(n, bool)), 0.0, flops, 3)
