"""Images less their consensus on a device: the twin of `spa.class3d.consensus`, `scores` and `sums`.

What is left of the images lies there as they did, moved by their shifts still; slices, CTF and back-projections are
made from it block by block.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.class3d.consensus import Posed, noise_left, sample_of, scales
from spa.gpu.device import Device
from spa.image.disc_cuda import on_device
from spa.refine import data as host
from spa.refine import data_cuda
from spa.refine.maximisation_cuda import residual
from spa.refine.problem import Workers
from spa.search.images_cuda import Block
from spa.volume import insert as into_host
from spa.volume import insert_cuda as into
from spa.volume.insert import Samples
from spa.volume.slices_cuda import Reference, reference, slices

SOURCE = Path(__file__).with_name("scores.cu")
THREADS = 128
SIDE = 4  # maps by maps that a block sums at once, as in scores.cu
SHARE = 4  # of the memory that is free, slices and sums take at most a quarter each


@dataclass(frozen=True, eq=False)
class Residuals:
    """`spa.class3d.consensus.Differences` on a device.

    held: images less their consensus; poses (n, 3, 3), shifts (n, 2) pixels that they have; scale (n,) grey scales;
    noise (groups, shells); operators (g, 3, 3).
    """

    held: data_cuda.Images
    poses: np.ndarray
    shifts: np.ndarray
    scale: np.ndarray
    noise: np.ndarray
    operators: np.ndarray

    @property
    def images(self) -> host.Images:
        return self.held.host

    def __len__(self) -> int:
        return len(self.scale)

    def moments(
        self, rows: np.ndarray, maps: np.ndarray, radius: int, workers: Workers
    ) -> tuple[np.ndarray, np.ndarray]:
        device = self.held.device
        sources = [reference(device, one, radius, workers.threads) for one in maps]
        linear, quadratic = np.empty((len(rows), len(maps))), np.empty((len(rows), len(maps), len(maps)))
        for part in self._parts(len(rows), radius, len(maps)):
            mine = rows[part]
            block = data_cuda.block(self.held, mine, radius, self.noise, limited=False)
            linear[part], quadratic[part] = moments(
                block, sources, self.poses[mine], self.shifts[mine], self.scale[mine]
            )
        return linear, quadratic

    def sums(
        self, rows: np.ndarray, values: np.ndarray, powers: np.ndarray, radius: int, workers: Workers
    ) -> list[into_host.Accumulator]:
        device, box, q = self.held.device, self.images.band.box, values.shape[1]
        each = 4 * int(np.prod(into.grid_shape(box, radius)))
        fit = max(1, device.free() // SHARE // each)
        out: list[into_host.Accumulator] = []
        for first in range(0, q, fit):
            some = slice(first, min(first + fit, q))
            found = self._sums(rows, values[:, some], powers[:, some], radius)
            out += [into.symmetrised(one, self.operators).get() for one in found]
        return out

    def _sums(
        self, rows: np.ndarray, values: np.ndarray, powers: np.ndarray, radius: int
    ) -> list[into.Accumulator]:
        sums = [into.accumulator(self.held.device, self.images.band.box, radius) for _ in values.T]
        for part in self._parts(len(rows), radius, 0):
            mine = rows[part]
            block = data_cuda.block(self.held, mine, radius, self.noise, limited=False)
            scale, names = self.scale[mine], block.disc
            for one, value, power in zip(sums, values[part].T, powers[part].T):
                there = np.flatnonzero(power)
                samples = Samples(there, self.poses[mine[there]], self.shifts[mine[there]], (scale * value)[there])
                into.insert(one, samples, block.x, block.ctf, names.kx, names.ky, (scale**2 * power)[there])
        for one in sums:
            into.close(one)
        return sums

    def _parts(self, n: int, radius: int, maps: int) -> Iterator[slice]:
        """Cuts of n rows whose blocks fit, with slices of so many maps."""
        count, free = self.images.band.count(radius), self.held.device.free()
        size = data_cuda.block_size(self.held, count, free)
        if maps:
            size = int(np.clip(free // SHARE // (8 * count * maps), 1, size))
        return (slice(start, min(start + size, n)) for start in range(0, n, size))


def moments(
    block: Block, sources: list[Reference], poses: np.ndarray, shifts: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n, q) and (n, q, q) of a block's images at poses (n, 3, 3), shifts (n, 2) and grey scales (n,)."""
    device, names, n, q, count = block.x.device, block.disc, len(block), len(sources), block.count
    cut = device.empty(q, n, 2, count)
    for number, source in enumerate(sources):
        slices(source, poses, names.kx, names.ky, out=cut.rows(number, number + 1).shaped(n, 2, count))
    linear, quadratic = device.empty(n, q, dtype=np.float64), device.empty(n, q, q, dtype=np.float64)
    sides = -(-q // SIDE)
    device.run(
        SOURCE, "moments", (sides * (sides + 1) // 2, n), THREADS, cut, block.x, block.ctf,
        device.array(scale, np.float32), device.array(shifts, np.float32), np.int32(n), np.int32(q), names.kx,
        names.ky, np.int32(count), np.int32(block.band.box), linear, quadratic,
    )  # fmt: skip
    upper = np.triu(quadratic.get())
    return linear.get(), upper + np.swapaxes(np.triu(upper, 1), 1, 2)


def half_sums(device: Device, posed: Posed, noise: np.ndarray) -> list[into_host.Accumulator]:
    """Closed sums of both halves of the images, over the point group."""
    images, band = posed.images, posed.images.band
    held = data_cuda.images(device, images)
    sums = [into.accumulator(device, band.box, band.radius) for _ in (0, 1)]
    for rows in _blocks(held):
        block = data_cuda.block(held, rows, band.radius, noise)
        for half, one in enumerate(sums):
            mine = np.flatnonzero(images.half[rows] == half)
            samples = Samples(mine, posed.poses[rows[mine]], posed.shifts[rows[mine]], np.ones(len(mine)))
            into.insert(one, samples, block.x, block.ctf, block.disc.kx, block.disc.ky)
    for one in sums:
        into.close(one)
    return [into.symmetrised(one, posed.operators).get() for one in sums]


def residuals(device: Device, posed: Posed, found: np.ndarray, noise: np.ndarray) -> tuple[Residuals, np.ndarray]:
    """Residuals against the consensus `found` (box, box, box), and the consensus in the images' grey scale."""
    images = posed.images
    held = data_cuda.images(device, images)
    source = reference(device, found, images.band.radius)
    sample = sample_of(posed)
    size = data_cuda.block_size(held, len(images.band), device.free())
    parts = [sample[i : i + size] for i in range(0, len(sample), size)]
    measured = [_regression(held, posed, source, rows, noise) for rows in parts]
    power = np.concatenate([_power(held, posed, source, rows) for rows in parts])
    cross, norm = (np.concatenate([one[i] for one in measured]) for i in (0, 1))
    scale = scales(cross, norm, posed.even)
    noise = noise_left(images, sample, power, noise)
    every = np.empty(len(posed))
    for rows in _blocks(held):
        every[rows] = scale.of(*_regression(held, posed, source, rows, noise))
        _subtract(held, posed, source, rows, scale.mean * every[rows])
    return (
        Residuals(held, posed.poses, posed.shifts, every, noise, posed.operators), found * np.float32(scale.mean)
    )  # fmt: skip


def _blocks(held: data_cuda.Images) -> list[np.ndarray]:
    size = data_cuda.block_size(held, len(held.host.band), held.device.free())
    rows = np.arange(len(held.host))
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def _regression(
    held: data_cuda.Images, posed: Posed, source: Reference, rows: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """<X, C P> / s^2 and <C P, C P> / s^2 of rows (rows,)."""
    block = data_cuda.block(held, rows, held.host.band.radius, noise, limited=False)
    linear, quadratic = moments(block, [source], posed.poses[rows], posed.shifts[rows], np.ones(len(rows)))
    return linear[:, 0] / 2, quadratic[:, 0, 0] / 2


def _power(held: data_cuda.Images, posed: Posed, source: Reference, rows: np.ndarray) -> np.ndarray:
    """(rows, shells) mean power of X - C P."""
    block = _plain(held, rows)
    return residual(held.device, block, source, posed.poses[rows], posed.shifts[rows], held.host.band.radius + 1)


def _plain(held: data_cuda.Images, rows: np.ndarray) -> Block:
    """Images and CTF as they are."""
    band = held.host.band
    ones = np.ones((int(held.host.group.max()) + 1, band.radius + 1))
    return data_cuda.block(held, rows, band.radius, ones, limited=False)


def _subtract(
    held: data_cuda.Images, posed: Posed, source: Reference, rows: np.ndarray, scale: np.ndarray
) -> None:
    """Slices of the source, by a scale (rows,), taken off the images where they lie."""
    device, band, n = held.device, held.host.band, len(rows)
    block, grid, names = _plain(held, rows), source.grid, on_device(device, band)
    planes, at = held.planes, rows
    if planes is None:
        planes, at = block.x, np.arange(n)
    small = planes if planes.dtype == np.float16 else None
    device.run(
        SOURCE, "subtract", (-(-len(band) // THREADS), n), THREADS, grid, np.int32(grid.shape[1]),
        np.int32(grid.shape[2]), None if small else planes, small, np.float32(held.unit), device.array(at, np.int32),
        np.int32(n), np.int32(len(band)), block.ctf, device.array(posed.poses[rows], np.float32),
        device.array(posed.shifts[rows], np.float32), device.array(scale, np.float32), names.kx, names.ky,
        np.int32(band.box),
    )  # fmt: skip
    if held.planes is None:
        held.host.planes[rows] = block.x.get()
