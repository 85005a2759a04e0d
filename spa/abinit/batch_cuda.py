"""Images against several maps in every orientation and shift on a device: the twin of `spa.abinit.batch`.

Scores, weights and averages are products of matrices, on tensor cores; a tile of scores is all that is there of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spa.abinit import soft
from spa.abinit.shifted import prior_of
from spa.abinit.soft import Averages, Temper
from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.gpu.gemm import inner, product
from spa.image.disc_cuda import on_device
from spa.refine.data import Images
from spa.refine.engine import Engine
from spa.search.exhaustive_cuda import packed_rows, tile_size
from spa.search.images_cuda import Block
from spa.volume.slices_cuda import reference, slices

if TYPE_CHECKING:
    from spa.abinit.batch import Grid

SOURCE = Path(__file__).with_name("soft.cu")
THREADS = 256


@dataclass(frozen=True, eq=False)
class _Slices:
    """As `soft.Slices`, on the device: packed (g, 2K), power (g, K), shifts (s, 2); with their log prior (s,)."""

    packed: Array
    power: Array
    shifts: Array
    prior: np.ndarray


@dataclass(frozen=True, eq=False)
class _Weighed:
    """As `soft.Weighed`: weights (m s, g), total (m, g) and rows (m s, 2K) on the device, with CTF squared (m, K); of
    scores whose weights were not asked for, no total."""

    weights: Array
    total: Array | None
    rows: Array
    square: Array
    mass: np.ndarray
    evidence: np.ndarray


def averages(
    engine: Engine, images: Images, rows: np.ndarray, maps: np.ndarray, noise: np.ndarray, grid: "Grid", temper: Temper
) -> Averages:
    device = engine.device
    assert device is not None
    classes = [_columns(device, images, one, grid, number) for number, one in enumerate(maps)]
    values, weights = ([device.zeros(*getattr(one, name).shape) for one in classes] for name in ("packed", "power"))
    each = []
    for block, start, stop in _tiles(engine, images, rows, noise, grid, len(classes)):
        found = [_weighed(block, start, stop, one, temper.beta, True) for one in classes]
        evidence, mass = (np.stack([getattr(one, name) for one in found], axis=1) for name in ("evidence", "mass"))
        share, peak = soft.shared(evidence, mass, temper.similarity)
        for number, one in enumerate(found):
            assert one.total is not None
            scale = device.array(share[:, number] / mass[:, number], np.float32)
            _scale(device, one.rows, scale)
            _scale(device, one.total, scale)
            inner(one.weights, one.rows, values[number])
            inner(one.total, one.square, weights[number])
        each.append((evidence, share, peak))
    return Averages([one.get() for one in values], [one.get() for one in weights],
                    *(np.concatenate(one) for one in zip(*each)))  # fmt: skip


def evidence(
    engine: Engine, images: Images, rows: np.ndarray, maps: np.ndarray, noise: np.ndarray, grid: "Grid"
) -> tuple[np.ndarray, np.ndarray]:
    device = engine.device
    assert device is not None
    every = []
    for number, one in enumerate(maps):
        columns = _columns(device, images, one, grid, number)
        found = [_weighed(*tile, columns, 1.0, False) for tile in _tiles(engine, images, rows, noise, grid, 1)]
        every.append([np.concatenate([getattr(one, name) for one in found]) for name in ("evidence", "mass")])
    logs, mass = (np.stack(one, axis=1) for one in zip(*every))
    return logs, soft.shared(logs, mass)[1]


def _columns(device: Device, images: Images, volume: np.ndarray, grid: "Grid", number: int) -> _Slices:
    band, shifts, g = grid.bands[number], grid.shifts[number], len(grid.poses)
    count, names = images.band.count(band), on_device(device, images.band)
    packed, power = device.empty(g, 2 * count), device.empty(g, count)
    slices(
        reference(device, volume, band), grid.poses, names.kx.rows(0, count), names.ky.rows(0, count), power,
        packed.shaped(g, 2, count),
    )  # fmt: skip
    return _Slices(packed, power, device.array(shifts, np.float32), prior_of(shifts, grid.sigma))


def _tiles(
    engine: Engine, images: Images, rows: np.ndarray, noise: np.ndarray, grid: "Grid", classes: int
) -> Iterator[tuple[Block, int, int]]:
    """Blocks of images, and which of them fit at once, scored in so many classes."""
    device = engine.device
    assert device is not None
    most, width, count = max(map(len, grid.shifts)), classes * len(grid.poses), images.band.count(grid.band)
    for part in engine.blocks(images, rows, grid.band):
        block = engine.block(images, part, grid.band, noise)
        size = tile_size(len(part), most, width, count, device.free())
        for first in range(0, len(part), size):
            yield block, first, min(first + size, len(part))


def _weighed(block: Block, start: int, stop: int, slices: _Slices, beta: float, wanted: bool) -> _Weighed:
    """Images start … stop - 1 of a block under a class; wanted: whether scores become weights."""
    device, m, s = block.x.device, stop - start, len(slices.shifts)
    g, count = slices.power.shape
    rows, square = device.empty(m * s, 2 * count), device.empty(m, count)
    packed_rows(block.low(count), start, stop, slices.shifts, rows, square)
    cross, norm = product(rows, slices.packed), product(square, slices.power, exact=True)
    total, top, mass = device.empty(m, g) if wanted else None, device.empty(m), device.empty(m)
    device.run(SOURCE, "weigh", (1, m), THREADS, cross, norm, device.array(slices.prior, np.float32), np.int32(m),
               np.int32(s), np.int32(g), np.float32(beta), total, top, mass)  # fmt: skip
    whole = mass.get()
    evidence = top.get() + np.log(whole) - np.float32(soft.states(g, slices.prior, beta))
    return _Weighed(cross, total, rows, square, whole, evidence)


def _scale(device: Device, values: Array, scale: Array) -> None:
    """Values that lie image after image, times an image's scale (m,)."""
    m, width = len(scale), values.size // len(scale)
    device.run(SOURCE, "scaled", (-(-width // THREADS), m), THREADS, values, scale, np.int32(m), np.int32(width))
