"""The E-step of a block of images, and the sums that the M-step needs of it.

log p(X | class, psi, t) = 2 Re<C X exp(2 pi i k.t/N), P> - <C^2, |P|^2>, coefficients and CTF divided by the noise:
the first term is a matrix product of shifted images and turned averages, the second of C^2 and |P|^2 (exact,
astigmatism included). The exhaustive pass is coarse; its best cells are split and scored again in the whole band.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spa.class2d import kernels
from spa.class2d.images import Particles
from spa.class2d.plane import Plane, Turns, slices, turns
from spa.class2d.sampling import Level

_KEPT = 64  # cells of an image that are split
_FAINT = 1e-3  # cells below this part of the best one are not
_ROWS = 4_000_000  # scores held at a time


@dataclass(frozen=True)
class Grid:
    """A sampling level with the averages turned to it: refs (C, half, 2, K), ramps (2, m, 2, K)."""

    level: Level
    refs: np.ndarray
    ramps: np.ndarray
    turn: Turns


@dataclass(frozen=True)
class Model:
    """What a block is compared with; the same for all blocks of an iteration."""

    plane: Plane
    grids: Sequence[Grid]
    log_prior: np.ndarray  # (C,)
    variance: np.ndarray  # (groups, shells) of a complex coefficient
    shift_sigma: float  # pixels
    reach: float  # pixels
    temperature: float = 1.0


@dataclass
class Partial:
    """Sums over a block: sums (2 halves, C, cells, 3); residual (groups, shells) and count; one row an image below."""

    sums: np.ndarray
    residual: np.ndarray
    counted: np.ndarray
    occupancy: np.ndarray  # (B, C) class posteriors
    cls: np.ndarray
    psi: np.ndarray
    shift: np.ndarray  # (B, 2) x, y pixels, expected at the best class and angle
    best: np.ndarray  # posterior of the best cell
    gain: np.ndarray  # log-likelihood over that of no particle
    shift2: np.ndarray  # posterior mean of |t|^2


def model(
    plane: Plane, particles: Particles, grids: np.ndarray, levels: Sequence[Level], log_prior: np.ndarray,
    variance: np.ndarray, shift_sigma: float, reach: float, temperature: float = 1.0,
) -> Model:  # fmt: skip
    """Turns the averages (C, cells complex64) to every level."""
    made = []
    for level in levels:
        turn = turns(plane, particles.band, particles.band.count(level.radius), level.psi[: level.half])
        made.append(Grid(level, slices(grids, plane.columns, turn), level.ramps(particles.band), turn))
    return Model(plane, made, log_prior.astype(np.float32), variance, shift_sigma, reach, temperature)


def expect(particles: Particles, rows: np.ndarray, model: Model) -> Partial:
    """The E-step of the images `rows`, sorted here by pseudo-half."""
    count = particles.band.count(model.plane.radius)
    x, c = np.ascontiguousarray(particles.coefficients[rows, :, :count]), particles.ctf(rows, count)
    inverse = 1 / model.variance[particles.group[rows]][:, particles.band.shell[:count]].astype(np.float32)
    y, c2 = x * (c * inverse)[:, None], c * c * inverse
    partial = _empty(len(rows), model)
    fine = len(model.grids) > 1
    cells = []
    chunk = max(1, _ROWS // (len(_shifts(model)[0]) * len(model.log_prior) * 2 * model.grids[0].level.half))
    for half in (0, 1):
        mine = np.flatnonzero(particles.half[rows] == half)
        for start in range(0, len(mine), chunk):
            part = mine[start : start + chunk]
            kept = _exhaustive(y[part], c2[part], part, half, model, partial, fine)
            if fine:
                cells.append(kept)
    if fine:
        _finer(y, c2, particles.half[rows], np.concatenate(cells), model, partial)
        _residual(x, c, particles, rows, model, partial)
    return partial


def _empty(n: int, model: Model) -> Partial:
    classes, shells = len(model.log_prior), model.variance.shape
    return Partial(
        np.zeros((2, classes, model.plane.cells, 3), np.float32), np.zeros(shells), np.zeros(shells),
        np.zeros((n, classes), np.float32), np.zeros(n, np.int32), np.zeros(n, np.float32),
        np.zeros((n, 2), np.float32), np.zeros(n, np.float32), np.zeros(n, np.float64), np.zeros(n, np.float32),
    )  # fmt: skip


def _shifts(model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices y, x of the coarse shifts within reach, and their log prior."""
    t = model.grids[0].level.shift
    squared = t[:, None] ** 2 + t**2
    step = t[1] - t[0] if len(t) > 1 else 1.0
    y, x = np.nonzero(squared <= (model.reach + step / 2) ** 2)
    return y, x, _shift_prior(squared[y, x], model)


def _shift_prior(squared: np.ndarray, model: Model) -> np.ndarray:
    return (-squared / (2 * model.shift_sigma**2)).astype(np.float32)


def _exhaustive(
    y: np.ndarray, c2: np.ndarray, part: np.ndarray, half: int, model: Model, partial: Partial, fine: bool
) -> np.ndarray:
    """All classes, angles and shifts at the coarse level; returns the cells to split, or sums where it is the last."""
    grid = model.grids[0]
    iy, ix, prior = _shifts(model)
    classes, turns_, _, count = grid.refs.shape
    n, columns = len(y), classes * turns_
    ry, rx = grid.ramps[1][iy], grid.ramps[0][ix]
    ramp_re, ramp_im = rx[:, 0] * ry[:, 0] - rx[:, 1] * ry[:, 1], rx[:, 0] * ry[:, 1] + rx[:, 1] * ry[:, 0]
    yr, yi, c2 = y[:, None, 0, :count], y[:, None, 1, :count], np.ascontiguousarray(c2[:, :count])
    rows_re = (yr * ramp_re - yi * ramp_im).reshape(-1, count)
    rows_im = (yr * ramp_im + yi * ramp_re).reshape(-1, count)
    refs = 2 * grid.refs.reshape(columns, 2, count)
    power = (grid.refs**2).sum(2).reshape(columns, count)
    base = np.repeat(model.log_prior, turns_) - c2 @ power.T
    a = (rows_re @ refs[:, 0].T).reshape(n, len(iy), columns)
    b = (rows_im @ refs[:, 1].T).reshape(n, len(iy), columns)
    scores = np.empty((n, len(iy), 2, columns), np.float32)  # second: half a turn on
    np.add(a, b, out=scores[:, :, 0])
    np.subtract(a, b, out=scores[:, :, 1])
    scores += base[:, None, None] + prior[:, None, None]
    if model.temperature != 1:
        scores *= np.float32(1 / model.temperature)
    top = scores.reshape(n, -1).max(1)
    scores -= top[:, None, None, None]
    weights = np.exp(scores, out=scores)
    total = weights.reshape(n, -1).sum(1)
    if fine:
        return _brightest(weights, part, iy, ix, turns_)
    weights /= total[:, None, None, None]
    _record(partial, part, weights, top, total, model, iy, ix, classes, turns_)
    plus, minus = (weights[:, :, 0] + weights[:, :, 1]).reshape(-1, columns), None
    minus = (weights[:, :, 0] - weights[:, :, 1]).reshape(-1, columns)
    sums = np.stack([plus.T @ rows_re, minus.T @ rows_im, plus.reshape(n, -1, columns).sum(1).T @ c2], axis=1)
    turn = grid.turn
    for column in range(columns):
        cls, p = divmod(column, turns_)
        kernels.scatter(
            np.ascontiguousarray(sums[column]), partial.sums[half, cls], turn.index[p], turn.fx[p], turn.fy[p],
            turn.sign[p], model.plane.columns,
        )  # fmt: skip
    return np.empty((0, 5), np.int32)


def _record(
    partial: Partial, part: np.ndarray, weights: np.ndarray, top: np.ndarray, total: np.ndarray, model: Model,
    iy: np.ndarray, ix: np.ndarray, classes: int, turns_: int,
) -> None:  # fmt: skip
    """Best cell and class posteriors of the coarse pass: weights (n, shifts, 2, C * half) sum to 1 an image."""
    n, shift = len(part), model.grids[0].level.shift
    split = weights.reshape(n, len(iy), 2, classes, turns_)
    partial.occupancy[part] = split.sum((1, 2, 4))
    best = weights.reshape(n, -1).argmax(1)
    t, turn, cls, p = np.unravel_index(best, split.shape[1:])
    partial.best[part] = weights.reshape(n, -1)[np.arange(n), best]
    partial.cls[part], partial.psi[part] = cls, model.grids[0].level.psi[p + turns_ * turn]
    partial.shift[part] = np.stack([shift[ix[t]], shift[iy[t]]], 1)
    cells = weights[0].size
    partial.gain[part] = top + np.log(total / cells) - np.log(1.0)
    partial.shift2[part] = split.sum((2, 3, 4)) @ (shift[ix] ** 2 + shift[iy] ** 2).astype(np.float32)


def _brightest(weights: np.ndarray, part: np.ndarray, iy: np.ndarray, ix: np.ndarray, turns_: int) -> np.ndarray:
    """(n, 5 = image, class, psi, y, x) int32: cells above the threshold, at most so many an image, sorted."""
    n, _, _, columns = weights.shape
    flat = weights.reshape(n, -1)
    out = []
    for row, image in zip(flat, part):
        kept = np.flatnonzero(row > _FAINT)  # the best one is 1
        if len(kept) > _KEPT:
            kept = kept[np.argsort(-row[kept], kind="stable")[:_KEPT]]
        t, rest = np.divmod(kept, 2 * columns)
        turn, column = np.divmod(rest, columns)
        cls, p = np.divmod(column, turns_)
        out.append(np.stack([np.full(len(kept), image), cls, p + turns_ * turn, iy[t], ix[t]], 1))
    cells = np.concatenate(out).astype(np.int32)
    return cells[np.lexsort(cells.T[::-1])]


def _finer(
    y: np.ndarray, c2: np.ndarray, half: np.ndarray, cells: np.ndarray, model: Model, partial: Partial
) -> None:
    """Splits cells level by level in the whole band; the last level's weights make the sums."""
    cells = cells[np.lexsort(cells.T[::-1])]
    for i, grid in enumerate(model.grids[1:], 1):
        count = grid.refs.shape[-1]
        cut = y.shape[2] != count
        scores = kernels.cell_scores(
            np.ascontiguousarray(y[:, :, :count]) if cut else y, np.ascontiguousarray(c2[:, :count]) if cut else c2,
            grid.refs, grid.ramps[0], grid.ramps[1], cells,
        )  # fmt: skip
        cells, weights, top, total = _children(cells, scores, grid, model)
        if i < len(model.grids) - 1:
            cells = _strongest(cells, weights)
    _sum(y, c2, half, cells, weights, top, total, model, partial)


def _children(
    cells: np.ndarray, scores: np.ndarray, grid: Grid, model: Model
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The split cells (8 n, 5) sorted, their posterior weights, and the top score and total of each image."""
    steps = np.array([[turn, dy, dx] for turn in (0, 1) for dy in (0, 1) for dx in (0, 1)], np.int32)
    split = np.repeat(cells[:, None, :], 8, axis=1)
    split[:, :, 2:] = 2 * split[:, :, 2:] + steps
    split, scores = split.reshape(-1, 5), scores.reshape(-1)
    t2 = grid.level.shift[split[:, 3]] ** 2 + grid.level.shift[split[:, 4]] ** 2
    scores = (scores + model.log_prior[split[:, 1]] + _shift_prior(t2, model)) / np.float32(model.temperature)
    order = np.lexsort(split.T[::-1])
    split, scores = split[order], scores[order]
    starts = np.flatnonzero(np.diff(split[:, 0], prepend=-1))
    sizes = np.diff(starts, append=len(split))
    top = np.maximum.reduceat(scores, starts)
    weights = np.exp(scores - np.repeat(top, sizes))
    total = np.add.reduceat(weights, starts)
    return split, weights / np.repeat(total, sizes), top, total


def _strongest(cells: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """At most so many cells of each image, those above the threshold, in their order."""
    order = np.lexsort((-weights, cells[:, 0]))
    image = cells[order, 0]
    starts = np.flatnonzero(np.diff(image, prepend=-1))
    sizes = np.diff(starts, append=len(cells))
    rank = np.arange(len(cells)) - np.repeat(starts, sizes)
    best = np.repeat(weights[order][starts], sizes)
    return cells[np.sort(order[(rank < _KEPT) & (weights[order] > _FAINT * best)])]


def _sum(
    y: np.ndarray, c2: np.ndarray, half: np.ndarray, cells: np.ndarray, weights: np.ndarray, top: np.ndarray,
    total: np.ndarray, model: Model, partial: Partial,
) -> None:  # fmt: skip
    """Records the last level and adds its images to the planes."""
    grid = model.grids[-1]
    level, image = grid.level, cells[:, 0]
    np.add.at(partial.occupancy, (image, cells[:, 1]), weights)
    t = np.stack([level.shift[cells[:, 4]], level.shift[cells[:, 3]]], 1)
    partial.shift2[:] = np.bincount(image, weights * (t**2).sum(1), len(y))
    first = np.lexsort((-weights, image))[np.flatnonzero(np.diff(image, prepend=-1))]
    partial.cls[:], partial.psi[:] = cells[first, 1], level.psi[cells[first, 2]]
    partial.shift[:], partial.best[:] = t[first], weights[first]
    coarse = model.grids[0].level
    volume = len(_shifts(model)[0]) * len(model.log_prior) * len(coarse.psi) * 8 ** (len(model.grids) - 1)
    partial.gain[:] = top + np.log(total) - np.log(volume)
    kept = weights > _FAINT
    cells, weights, image = cells[kept], weights[kept], image[kept]
    flip = cells[:, 2] >= level.half
    unit = half[image] * len(model.log_prior) + cells[:, 1]
    entries = np.stack([unit, cells[:, 2] - level.half * flip, flip, image, cells[:, 3], cells[:, 4]], 1)
    order = np.lexsort((image, entries[:, 1], unit))
    turn = grid.turn
    kernels.gather_images(
        y, c2, grid.ramps[0], grid.ramps[1], np.ascontiguousarray(entries[order], np.int32),
        np.ascontiguousarray(weights[order], np.float32),
        partial.sums.reshape(-1, model.plane.cells, 3), turn.index, turn.fx, turn.fy, turn.sign, model.plane.columns,
    )  # fmt: skip


def _residual(
    x: np.ndarray, c: np.ndarray, particles: Particles, rows: np.ndarray, model: Model, partial: Partial
) -> None:
    """Power of the images less their best average, by group and shell."""
    grid, band = model.grids[-1], particles.band
    count, half = x.shape[2], grid.level.half
    psi = np.rint((partial.psi - grid.level.psi[0]) / (2 * np.pi) * 2 * half).astype(int)
    p = grid.refs[partial.cls, psi % half]
    p = p[:, 0] + np.where(psi >= half, -1, 1)[:, None].astype(np.float32) * 1j * p[:, 1]
    phase = partial.shift @ np.stack([band.kx[:count], band.ky[:count]]).astype(np.float32)
    p *= np.exp(np.complex64(-2j * np.pi / band.box) * phase)
    power = np.abs(x[:, 0] + 1j * x[:, 1] - c * p) ** 2
    starts = np.searchsorted(band.shell[:count], np.arange(1, model.plane.radius + 1))
    sums, counts = np.add.reduceat(power, starts, axis=1), np.diff(starts, append=count)
    for g in range(len(partial.residual)):
        mine = particles.group[rows] == g
        partial.residual[g, 1 : model.plane.radius + 1] += sums[mine].sum(0)
        partial.counted[g, 1 : model.plane.radius + 1] += counts * mine.sum()
