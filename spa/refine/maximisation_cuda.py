"""Sums of half maps and what is left of images, on a device: the twin of `spa.refine.maximisation`."""

from dataclasses import replace
from pathlib import Path

import numpy as np

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


def accumulate(
    images: Images, poses: Poses, halves: list[np.ndarray], radius: int, noise: np.ndarray, spread: Spread,
    seed: tuple[int, ...],
) -> list[into.Accumulator]:  # fmt: skip
    """Sums of each half (lists of rows) in shells up to radius; closed. What is drawn is what the host draws."""
    device, box = images.device, images.host.band.box
    sums = [into.accumulator(device, box, radius) for _ in halves]
    together = data_cuda.block_size(images, images.host.band.count(radius), device.free())
    for half, rows in enumerate(halves):
        small = blocks_of(rows)
        each = together // len(small[0]) if len(small[0]) else 1
        for first in range(0, len(small), max(1, each)):
            part = small[first : first + max(1, each)]
            block = data_cuda.block(images, np.concatenate(part), radius, noise)
            drawn = [samples(poses, some, spread, (*seed, half, first + k)) for k, some in enumerate(part)]
            found = _together(drawn, [len(some) for some in part])
            seen = images.host.seen_from(np.concatenate(part)[found.rows], found.poses)
            into.insert(sums[half], replace(found, poses=seen), block.x, block.ctf, block.disc.kx, block.disc.ky)
    for one in sums:
        into.close(one)
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
