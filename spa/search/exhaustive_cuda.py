"""Every orientation and shift of a grid scored on a device: the twin of `spa.search.exhaustive`.

Images go in tiles: rows, their product with all slices on tensor cores, and at once the best shift of each score, so
that a tile of scores is all that is ever there of them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.gpu.array import Array
from spa.gpu.gemm import product
from spa.image.disc import Disc
from spa.image.disc_cuda import on_device
from spa.search.exhaustive import Candidates
from spa.search.images_cuda import Block
from spa.volume.slices_cuda import Reference, slices

SOURCE = Path(__file__).with_name("exhaustive.cu")
THREADS = 128
TILE = 2**28  # bytes of scores and rows that are there at once
SHARE = 4  # of the memory that is free: at most a quarter


@dataclass(frozen=True, eq=False)
class Columns:
    """Slices to score: packed (g, 2K) and power (g, K) on the device; the poses (g, 3, 3) that they were cut at."""

    poses: np.ndarray
    packed: Array
    power: Array


def columns(source: Reference, poses: np.ndarray, band: Disc, count: int) -> Columns:
    """Columns of slices of a reference at poses, in the first `count` coefficients of a band."""
    device = source.grid.device
    names = on_device(device, band)
    power = device.empty(len(poses), count)
    cut = slices(source, poses, names.kx.rows(0, count), names.ky.rows(0, count), power)
    return Columns(poses, cut.shaped(len(poses), 2 * count), power)


def tile_size(n: int, shifts: int, columns: int, count: int, free: int) -> int:
    """Images whose rows and scores fit."""
    each = 4 * (shifts * (columns + 2 * count) + 3 * columns + count)
    return int(np.clip(min(TILE, free // SHARE) // each, 1, n))


def search(block: Block, slices: Columns, shifts: np.ndarray, shift_sigma: float, keep: int) -> Candidates:
    """The `keep` best orientations of each image, each at its best shift; the prior on shifts is Gaussian (pixels)."""
    device = block.x.device
    n, s, g = len(block), len(shifts), len(slices.poses)
    keep = min(keep, g)
    moves = device.array(shifts, np.float32)
    prior = device.array(-(shifts**2).sum(axis=1) / (2 * shift_sigma**2), np.float32)
    place, which = device.empty(n, keep, dtype=np.int32), device.empty(n, keep, dtype=np.int32)
    score = device.empty(n, keep)
    size = tile_size(n, s, g, block.count, device.free())
    rows, square = device.empty(size * s, 2 * block.count), device.empty(size, block.count)
    cross, norm = device.empty(size * s, g), device.empty(size, g)
    best, shift = device.empty(size, g), device.empty(size, g, dtype=np.int32)
    for start in range(0, n, size):
        stop = min(start + size, n)
        m = stop - start
        packed_rows(block, start, stop, moves, rows, square)
        product(rows.rows(0, m * s), slices.packed, cross.rows(0, m * s))
        product(square.rows(0, m), slices.power, norm.rows(0, m), exact=True)
        counts = np.int32(m), np.int32(s), np.int32(g)
        device.run(SOURCE, "best_shift", (-(-g // THREADS), m), THREADS, cross, norm, prior, *counts, best, shift)
        device.run(
            SOURCE, "top", (1, m), THREADS, best, shift, np.int32(m), np.int32(g), np.int32(keep),
            *(one.rows(start, stop) for one in (place, which, score)),
        )  # fmt: skip
    return Candidates(place.get(), shifts[which.get()], score.get())


def packed_rows(block: Block, start: int, stop: int, moves: Array, rows: Array, square: Array) -> None:
    """Rows of images start … stop - 1 at all shifts, and their CTF squared, in the memory that there is for them."""
    device, names, m = block.x.device, block.disc, stop - start
    centres = block.centres or device.zeros(len(block), 2)
    blocks, stride, count = -(-block.count // THREADS), np.int32(block.stride), np.int32(block.count)
    x, ctf = block.x.rows(start, stop), block.ctf.rows(start, stop)
    device.run(
        SOURCE, "rows", (blocks, m * len(moves)), THREADS, x, ctf, stride, centres.rows(start, stop), moves,
        np.int32(m), np.int32(len(moves)), names.kx, names.ky, count, np.int32(block.band.box), rows,
    )  # fmt: skip
    device.run(SOURCE, "squares", (blocks, m), THREADS, ctf, stride, np.int32(m), count, square)
