"""Images against several maps in every orientation and shift on a device: the twin of `spa.abinit.batch`.

Scores, weights and averages are products of matrices, on tensor cores; a tile of scores is all that is there of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spa.abinit.soft import Averages, Temper
from spa.gpu.array import Array
from spa.gpu.gemm import inner, product
from spa.image.disc_cuda import on_device
from spa.refine.data import Images
from spa.refine.engine import Engine
from spa.search.exhaustive_cuda import packed_rows, tile_size
from spa.volume.slices_cuda import reference, slices

if TYPE_CHECKING:
    from spa.abinit.batch import Grid

SOURCE = Path(__file__).with_name("soft.cu")
THREADS = 256


@dataclass(frozen=True, eq=False)
class _Slices:
    """As `soft.Slices`, on the device."""

    packed: Array
    power: Array


@dataclass(frozen=True, eq=False)
class _Tile:
    """Of images start … stop - 1: cross (m s, c g), their weights where those were asked for; total (m, c g) of these;
    rows (m s, 2K), square (m, K); evidence, share (m, c) and peak (m,)."""

    start: int
    stop: int
    cross: Array
    total: Array | None
    rows: Array
    square: Array
    evidence: Array
    share: Array
    peak: Array


def averages(
    engine: Engine, images: Images, rows: np.ndarray, maps: np.ndarray, noise: np.ndarray, grid: "Grid", temper: Temper
) -> Averages:
    device = engine.device
    assert device is not None
    columns = _columns(engine, images, maps, grid)
    values, weights = (device.zeros(*one.shape) for one in (columns.packed, columns.power))
    evidence, share, peak = _room(len(rows), len(maps))
    for tile in _tiles(engine, images, rows, columns, noise, grid, temper, len(maps), weighed=True):
        assert tile.total is not None
        inner(tile.cross, tile.rows, values)
        inner(tile.total, tile.square, weights)
        here = slice(tile.start, tile.stop)
        evidence[here], share[here], peak[here] = tile.evidence.get(), tile.share.get(), tile.peak.get()
    return Averages(values.get(), weights.get(), _uniform(evidence, grid), share, peak)


def evidence(
    engine: Engine, images: Images, rows: np.ndarray, maps: np.ndarray, noise: np.ndarray, grid: "Grid"
) -> tuple[np.ndarray, np.ndarray]:
    columns = _columns(engine, images, maps, grid)
    found, _, peak = _room(len(rows), len(maps))
    for tile in _tiles(engine, images, rows, columns, noise, grid, Temper(), len(maps), weighed=False):
        found[tile.start : tile.stop], peak[tile.start : tile.stop] = tile.evidence.get(), tile.peak.get()
    return _uniform(found, grid), peak


def _room(n: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.empty((n, classes), np.float32), np.empty((n, classes), np.float32), np.empty(n, np.float32)


def _uniform(evidence: np.ndarray, grid: "Grid") -> np.ndarray:
    """With a prior over all states."""
    return evidence - np.float32(np.log(len(grid.shifts) * len(grid.poses)))


def _columns(engine: Engine, images: Images, maps: np.ndarray, grid: "Grid") -> _Slices:
    device = engine.device
    assert device is not None
    g, count, names = len(grid.poses), images.band.count(grid.band), on_device(device, images.band)
    packed, power = device.empty(len(maps) * g, 2 * count), device.empty(len(maps) * g, count)
    for number, one in enumerate(maps):
        mine = number * g, (number + 1) * g
        slices(
            reference(device, one, grid.band), grid.poses, names.kx.rows(0, count), names.ky.rows(0, count),
            power.rows(*mine), packed.rows(*mine).shaped(g, 2, count),
        )  # fmt: skip
    return _Slices(packed, power)


def _tiles(
    engine: Engine, images: Images, rows: np.ndarray, columns: _Slices, noise: np.ndarray, grid: "Grid",
    temper: Temper, classes: int, weighed: bool,
) -> Iterator[_Tile]:  # fmt: skip
    device = engine.device
    assert device is not None
    s, width, count = len(grid.shifts), len(columns.packed), columns.power.shape[1]
    moves = device.array(grid.shifts, np.float32)
    prior = device.array(-(grid.shifts**2).sum(axis=1) / (2 * grid.sigma**2), np.float32)
    start = 0
    for part in engine.blocks(images, rows, grid.band):
        block = engine.block(images, part, grid.band, noise)
        size = tile_size(len(part), s, width, count, device.free())
        for first in range(0, len(part), size):
            m = min(size, len(part) - first)
            packed, square = device.empty(m * s, 2 * count), device.empty(m, count)
            packed_rows(block, first, first + m, moves, packed, square)
            cross, norm = product(packed, columns.packed), product(square, columns.power, exact=True)
            total = device.empty(m, width) if weighed else None
            evidence, share, peak = device.empty(m, classes), device.empty(m, classes), device.empty(m)
            device.run(
                SOURCE, "posterior", (1, m), THREADS, cross, norm, prior, np.int32(m), np.int32(s),
                np.int32(width // classes), np.int32(classes), np.float32(temper.beta), np.float32(temper.similarity),
                total, evidence, share, peak,
            )  # fmt: skip
            yield _Tile(start, start + m, cross, total, packed, square, evidence, share, peak)
            start += m
