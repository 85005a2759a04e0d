"""The E-step of 2-D classification on a device: the twin of `spa.class2d.expect`, `coarse` and `fine`.

The exhaustive pass is two matrix products a tile of images, on tensor cores; its best cells are split and scored in
the whole band, a block of threads each. Which of them go on is decided on the host, from 8 scores a cell.
"""

from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.class2d import coarse, fine
from spa.class2d.coarse import FAINT, KEPT
from spa.class2d.expect import EVERY, parts, residual_sums
from spa.class2d.model import Grid, Model, Partial
from spa.class2d.plane import Plane, Turns
from spa.class2d.sampling import Level
from spa.gpu.array import Array
from spa.gpu.gemm import inner, product
from spa.image.disc_cuda import on_device
from spa.refine import data_cuda
from spa.refine.data import Images
from spa.refine.engine_cuda import Cuda
from spa.search import exhaustive_cuda
from spa.search.images_cuda import Block

SOURCE = Path(__file__).with_name("expect.cu")
THREADS, WIDE, SMALL = 128, 256, 64  # of a block: one a coefficient, an image's scores, a cell
TILE = 2**28  # bytes of rows and scores that are there at once
SHARE = 4  # of the memory that is free: at most a quarter


@dataclass(frozen=True, eq=False)
class _Turned:
    """A level on the device: refs re and im in rows of (classes half), power of them where the level is searched."""

    level: Level
    count: int
    turns: Array
    shift: Array
    re: Array
    im: Array
    power: Array | None


class Expectation:
    """As `spa.class2d.expect.Expectation`, on the engine's device."""

    block = 2048

    def __init__(
        self, engine: Cuda, plane: Plane, images: Images, levels: list[Level], log_prior: np.ndarray,
        variance: np.ndarray, shift_sigma: float, reach: float, window: float = np.inf,
    ) -> None:  # fmt: skip
        self.engine, self.device, self.images, self.plane = engine, engine.device, images, plane
        none = np.empty(0, np.float32)
        empty = [Grid(level, none, Turns(none, none, none, none), none) for level in levels]
        log_prior = log_prior.astype(np.float32)
        self.model = Model(plane, empty, log_prior, variance, shift_sigma, reach, window, 1.0)
        self.noise = np.hstack([variance[:, 1:2], variance[:, 1:]])  # nothing is in shell 0
        self.classes, self.names = self.device.array(log_prior), on_device(self.device, images.band)
        self.levels: list[_Turned] = []

    def against(self, grids: np.ndarray) -> "Expectation":
        """With averages (C, cells) turned to every level, to be called."""
        made, on = copy(self), self.device.array(grids.astype(np.complex64))
        made.levels = [self._turned(on, one.level, searched=not i) for i, one in enumerate(self.model.grids)]
        return made

    def _turned(self, grids: Array, level: Level, searched: bool) -> _Turned:
        """Averages turned to a level; those that are searched twice as large, re and im apart, with their power."""
        device, count = self.device, self.images.band.count(level.radius)
        psi = level.psi[: level.half]
        turns = device.array(np.stack([np.cos(psi), np.sin(psi)], axis=1), np.float32)
        rows = len(self.model.log_prior) * level.half
        if searched:
            re, im, power = (device.empty(rows, count) for _ in range(3))
            stride = count
        else:
            re, power, stride = device.empty(2 * rows, count), None, 2 * count
            im = re.rows(1, 2 * rows)
        device.run(
            SOURCE, "turned", (-(-count // THREADS), rows), THREADS, grids, np.int32(len(self.model.log_prior)),
            np.int32(self.plane.rows), np.int32(self.plane.columns), turns, np.int32(level.half), self.names.kx,
            self.names.ky, np.int32(count), np.float32(2 if searched else 1), re, im, np.int32(stride), power,
        )  # fmt: skip
        return _Turned(level, count, turns, device.array(level.shift, np.float32), re, im, power)

    def __call__(self, rows: np.ndarray, shift: np.ndarray, seen: np.ndarray) -> Partial:
        """The E-step of the images `rows`; shift (n, 2) pixels and seen (n,) from earlier iterations."""
        model, band = self.model, self.images.band
        partial, known = Partial.empty(len(rows), model), seen[rows] & np.isfinite(model.window)
        planes = self.device.zeros(*partial.sums.shape)
        cells = []
        for part in parts(known, self._tile(len(rows))):
            centre = shift[rows[part]] if known[part[0]] else None
            iy, ix = coarse.cells_around(len(part), centre, model)
            tile = _Tile(self, self._block(rows[part], self.levels[0].level.radius), part, iy, ix)
            if len(self.levels) > 1:
                cells.append(tile.best_cells())
            else:
                tile.sums(partial, planes)
        if len(self.levels) > 1:
            joined, block = np.concatenate(cells), self._block(rows, model.plane.radius)
            self._fine(block, joined[np.argsort(joined[:, 0], kind="stable")], partial, planes)
            self._residual(block, rows, partial, band.radius + 1)
        partial.sums[:] = planes.get()
        return partial

    def _block(self, rows: np.ndarray, radius: int) -> Block:
        held = self.engine.images(self.images)
        return data_cuda.block(held, rows, radius, self.noise, limited=False)

    def _tile(self, n: int) -> int:
        """Images whose rows and scores fit."""
        first = self.levels[0]
        shifts = len(coarse.cells_around(1, None, self.model)[0][0])
        each = 8 * shifts * (first.count + len(first.re)) + 4 * (first.count + 3 * len(first.re))
        return int(np.clip(min(TILE, self.device.free() // SHARE) // each, 1, n))

    def _fine(self, block: Block, cells: np.ndarray, partial: Partial, planes: Array) -> None:
        """Posterior of the split cells level by level, as `fine.sums`; the last are added to the planes."""
        device, model = self.device, self.model
        for place, level in enumerate(self.levels[1:], 1):
            scores = device.empty(len(cells), 8)
            device.run(
                SOURCE, "cell_scores", (1, len(cells)), SMALL, block.x, block.ctf, np.int32(block.stride), level.re,
                np.int32(level.level.half), device.array(cells, np.int32), np.int32(len(cells)), level.shift,
                self.names.kx, self.names.ky, np.int32(level.count), np.int32(self.plane.box), scores,
            )  # fmt: skip
            cells, flat = fine.children(cells, scores.get(), model.grids[place], model)
            if place < len(self.levels) - 1:
                cells = cells[coarse.strongest(cells[:, 0], flat, FAINT)]
        weights = fine.record(cells, flat, model, partial)
        entries, weights = fine.entries(cells, weights, model.grids[-1])
        device.run(
            SOURCE, "gather", (-(-level.count // THREADS), len(entries)), THREADS, block.x, block.ctf,
            np.int32(block.stride), device.array(entries, np.int32), device.array(weights, np.float32),
            np.int32(len(entries)), level.shift, level.turns, self.names.kx, self.names.ky, np.int32(level.count),
            np.int32(self.plane.box), np.int32(self.plane.rows), np.int32(self.plane.columns), planes,
        )  # fmt: skip

    def _residual(self, block: Block, rows: np.ndarray, partial: Partial, shells: int) -> None:
        """What the best cells of every fourth image leave; in units of the noise that blocks are divided by."""
        device, level = self.device, self.levels[-1]
        some = np.arange(0, len(rows), EVERY)
        half = level.level.half
        psi = np.rint((partial.psi[some] - level.level.psi[0]) / (np.pi / half)).astype(int)
        best = np.stack([some, partial.cls[some], psi % half, psi >= half], axis=1)
        out = device.empty(len(some), shells)
        device.run(
            SOURCE, "residual", (1, len(some)), THREADS, block.x, block.ctf, np.int32(block.stride), level.re,
            np.int32(half), device.array(best, np.int32), device.array(partial.shift[some], np.float32),
            np.int32(len(some)), self.names.kx, self.names.ky, self.names.shell, np.int32(level.count),
            np.int32(self.plane.box), np.int32(shells), out,
        )  # fmt: skip
        inside = slice(1, self.plane.radius + 1)
        group = self.images.group[rows[some]]
        power = out.get()[:, inside] * self.model.variance[group][:, inside]
        residual_sums(power, level.count, group, self.images.band, self.model, partial)


class _Tile:
    """Images of a block at places `part`, at all their shifts: iy, ix (m, t) steps."""

    def __init__(self, made: Expectation, block: Block, part: np.ndarray, iy: np.ndarray, ix: np.ndarray) -> None:
        self.made, self.part, self.iy, self.ix = made, part, iy, ix
        device, first = made.device, made.levels[0]
        self.m, self.t = iy.shape
        self.re, self.im = (device.empty(self.m * self.t, first.count) for _ in range(2))
        device.run(
            SOURCE, "shifted", (-(-first.count // THREADS), self.m * self.t), THREADS, block.x, block.ctf,
            np.int32(block.stride), device.array(iy, np.int32), device.array(ix, np.int32), first.shift,
            np.int32(self.m), np.int32(self.t), made.names.kx, made.names.ky, np.int32(first.count),
            np.int32(made.plane.box), self.re, self.im,
        )  # fmt: skip
        self.square = device.empty(self.m, first.count)
        device.run(
            exhaustive_cuda.SOURCE, "squares", (-(-first.count // THREADS), self.m), THREADS, block.ctf,
            np.int32(block.stride), np.int32(self.m), np.int32(first.count), self.square,
        )  # fmt: skip
        assert first.power is not None
        self.a, self.b = product(self.re, first.re), product(self.im, first.im)
        self.norm = product(self.square, first.power, exact=True)
        shift = first.level.shift
        self.squared = shift[iy] ** 2 + shift[ix] ** 2
        self.prior = device.array(made.model.shift_prior(self.squared))
        self.columns, self.half = len(first.re), first.level.half

    @property
    def _scores(self) -> tuple[object, ...]:
        return (self.a, self.b, self.norm, self.made.classes, self.prior, np.int32(self.m), np.int32(self.t),
                np.int32(self.columns), np.int32(self.half))  # fmt: skip

    def _decoded(self, cell: np.ndarray) -> tuple[np.ndarray, ...]:
        """Shift, class and angle (over a whole turn) of cells."""
        turn, rest = cell % 2, cell // 2
        cls, p = np.divmod(rest % self.columns, self.half)
        return rest // self.columns, cls, p + self.half * turn

    def best_cells(self) -> np.ndarray:
        """(k, 5 = image, class, psi, y, x) int32: the cells of each image that are worth splitting, image by image."""
        out = self.made.device.empty(self.m, KEPT, dtype=np.int32)
        self.made.device.run(
            SOURCE, "best_cells", (1, self.m), WIDE, *self._scores, np.int32(KEPT), np.float32(FAINT), out
        )
        found = out.get()
        i, _ = np.nonzero(found >= 0)
        t, cls, psi = self._decoded(found[found >= 0])
        return np.stack([self.part[i], cls, psi, self.iy[i, t], self.ix[i, t]], axis=1).astype(np.int32)

    def sums(self, partial: Partial, planes: Array) -> None:
        """Posterior of every cell, and its weighted images added to the planes."""
        made, device, m = self.made, self.made.device, self.m
        first, count = made.levels[0], made.levels[0].count
        total, moved = device.empty(m, self.columns), device.empty(m, self.t)
        best, cell, evidence = device.empty(m), device.empty(m, dtype=np.int32), device.empty(m)
        device.run(
            SOURCE, "whole", (1, m), WIDE, *self._scores, np.float32(made.model.temperature), total, moved, best, cell,
            evidence,
        )  # fmt: skip
        re, im, den = (device.zeros(self.columns, count) for _ in range(3))
        for factor, values, out in ((self.a, self.re, re), (self.b, self.im, im)):
            inner(factor.shaped(m * self.t, self.columns), values, out)
        inner(total, self.square, den)
        device.run(
            SOURCE, "columns", (-(-count // THREADS), self.columns), THREADS, re, im, den, np.int32(self.columns),
            first.turns, np.int32(self.half), made.names.kx, made.names.ky, np.int32(count),
            np.int32(made.plane.rows), np.int32(made.plane.columns), planes,
        )  # fmt: skip
        part, one, level = self.part, np.arange(m), first.level
        t, cls, psi = self._decoded(cell.get())
        partial.occupancy[part] = total.get().reshape(m, -1, self.half).sum(axis=2)
        partial.best[part], partial.cls[part], partial.psi[part] = best.get(), cls, level.psi[psi]
        partial.shift[part] = np.stack([level.shift[self.ix[one, t]], level.shift[self.iy[one, t]]], 1)
        partial.gain[part] = evidence.get() - np.log(made.model.volume)
        partial.shift2[part] = (moved.get() * self.squared).sum(axis=1)
