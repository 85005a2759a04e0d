"""Sums of half maps and what is left of images, on a device: the twin of `spa.refine.maximisation`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.image.disc_cuda import on_device
from spa.refine import data_cuda
from spa.refine.data import blocks_of
from spa.refine.data_cuda import Images
from spa.refine.expectation import Poses
from spa.refine.maximisation import Spread, samples
from spa.search.images_cuda import Block
from spa.volume import insert_cuda as into
from spa.volume.insert import Samples
from spa.volume.slices_cuda import Reference

SOURCE = Path(__file__).with_name("maximisation.cu")
THREADS = 256
PARTS = 4  # of a half, each summed by itself


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the blocks of rows of a half, from the first on; parts are the same however many devices there are."""

    half: int
    first: int
    blocks: list[np.ndarray]


def parts_of(halves: list[np.ndarray]) -> list[list[Part]]:
    """Of each half (lists of rows), up to PARTS parts."""
    found = []
    for half, rows in enumerate(halves):
        small = blocks_of(rows)
        cuts = [cut for cut in np.array_split(np.arange(len(small)), PARTS) if len(cut)]
        found.append([Part(half, int(cut[0]), small[cut[0] : cut[-1] + 1]) for cut in cuts])
    return found


def accumulate(
    images: Images, poses: Poses, halves: list[np.ndarray], radius: int, noise: np.ndarray, spread: Spread,
    seed: tuple[int, ...],
) -> list[into.Accumulator]:  # fmt: skip
    """Sums of each half (lists of rows) in shells up to radius; closed. What is drawn is what the host draws."""

    def grid(part: Part) -> Array:
        return part_sums(images, poses, part, radius, noise, spread, seed).grid

    return [joined(images.device, images.host.band.box, radius, map(grid, parts)) for parts in parts_of(halves)]


def joined(device: Device, box: int, radius: int, grids: Iterable[Array | np.ndarray]) -> into.Accumulator:
    """The closed sums of parts' grids, added in their order on a device; those of other devices come from the host."""
    total = None
    for grid in grids:
        there = device.array(grid) if isinstance(grid, np.ndarray) else grid
        if total is None:
            total = into.Accumulator(box, min(radius, box // 2 - 1), there)
        else:
            into.add(total, there)
    total = into.accumulator(device, box, radius) if total is None else total
    into.close(total)
    return total


def part_sums(
    images: Images, poses: Poses, part: Part, radius: int, noise: np.ndarray, spread: Spread, seed: tuple[int, ...]
) -> into.Accumulator:  # fmt: skip
    """Sums of a part, not closed."""
    device, band = images.device, images.host.band
    sums, each = into.accumulator(device, band.box, radius), len(part.blocks[0])
    together = max(1, data_cuda.block_size(images, band.count(radius), device.free()) // each)
    for first in range(0, len(part.blocks), together):
        some = part.blocks[first : first + together]
        rows = np.concatenate(some)
        block = data_cuda.block(images, rows, radius, noise)
        names = ((*seed, part.half, part.first + first + k) for k in range(len(some)))
        drawn = [samples(poses, one, spread, name) for one, name in zip(some, names)]
        found = _together(drawn, [len(one) for one in some])
        seen = images.host.seen_from(rows[found.rows], found.poses)
        into.insert(sums, replace(found, poses=seen), block.x, block.ctf, block.disc.kx, block.disc.ky)
    return sums


def _together(drawn: list[Samples], sizes: list[int]) -> Samples:
    """Samples of blocks side by side; rows count within all of them."""
    starts = np.cumsum([0, *sizes[:-1]])
    rows = np.concatenate([one.rows + start for one, start in zip(drawn, starts)])
    return Samples(rows, *(np.concatenate([getattr(one, name) for one in drawn])
                           for name in ("poses", "shifts", "weights")))  # fmt: skip


def left(images: Images, poses: Poses, rows: np.ndarray, source: Reference, radius: int) -> np.ndarray:
    """(n, shells) mean power of rows' residuals |X - CTF P|^2 at their best poses."""
    device, band = images.device, images.host.band
    best = poses.weight[rows].argmax(axis=1)
    shells = band.radius + 1
    plain = np.ones((int(images.host.group.max()) + 1, shells))
    block = data_cuda.block(images, rows, radius, plain, limited=False)
    seen = images.host.seen_from(rows, poses.poses[rows, best])
    return residual(device, block, source, seen, poses.shifts[rows, best], shells)


def residual(
    device: Device, block: Block, source: Reference, poses: np.ndarray, shifts: np.ndarray, shells: int
) -> np.ndarray:
    """(n, shells) mean power of a block's |x - ctf P|^2, P slices at poses (n, 3, 3) moved by shifts (n, 2)."""
    band, grid, names = block.band, source.grid, on_device(device, block.band)
    counts = np.bincount(band.shell[: block.count], minlength=shells)
    out = device.empty(len(block), shells)
    device.run(
        SOURCE, "residual", (1, len(block)), THREADS, grid, np.int32(grid.shape[1]), np.int32(grid.shape[2]), block.x,
        block.ctf, np.int32(len(block)), device.array(poses, np.float32), device.array(shifts, np.float32), names.kx,
        names.ky, np.int32(block.count), np.int32(band.box), names.shell, device.array(counts, np.int32),
        np.int32(shells), out,
    )  # fmt: skip
    return out.get()
