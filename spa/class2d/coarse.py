"""The exhaustive pass: all classes, angles and shifts in a low band, as products of matrices.

A reference half a turn on is the conjugate, so the real and the imaginary parts are multiplied apart: their sum
is the score at psi and their difference that at psi + 180 degrees, at half the cost.
"""

from dataclasses import dataclass

import numpy as np

from spa.class2d import kernels
from spa.class2d.model import Model, Partial

KEPT = 64  # cells of an image that are split
FAINT = float(np.log(1e3))  # log units below the best one where cells are dropped
_SCORES = 1_000_000  # held at a time
_SEARCHED = 512  # cells an image found before the best are chosen


@dataclass(frozen=True)
class Rows:
    """Shifted images (n, T, K) re and im; which shifts iy, ix (n, T), their log prior; c2 (n, K)."""

    re: np.ndarray
    im: np.ndarray
    iy: np.ndarray
    ix: np.ndarray
    prior: np.ndarray
    c2: np.ndarray


def chunk(model: Model) -> int:
    """How many images are scored at a time."""
    grid = model.grids[0]
    shifts = model.offsets(np.inf)[0].size
    return max(1, _SCORES // (shifts * len(model.log_prior) * 2 * grid.level.half))


def cells_around(n: int, centre: np.ndarray | None, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """iy, ix (n, T) int32: shifts of the coarse grid, all, or those around each image's own (n, 2 = x, y pixels)."""
    level = model.grids[0].level
    oy, ox = model.offsets(np.inf if centre is None else model.window)
    middle = np.zeros((n, 2), np.int64) if centre is None else np.rint(centre / level.step).astype(np.int64)
    most = len(level.shift) // 2 - int(oy.max())
    middle = np.clip(middle, -most, most) + len(level.shift) // 2
    return (middle[:, 1:] + oy).astype(np.int32), (middle[:, :1] + ox).astype(np.int32)


def rows(y: np.ndarray, c2: np.ndarray, centre: np.ndarray | None, model: Model) -> Rows:
    """Images y (n, 2, >= K) at all shifts, or at those around their own centre (n, 2 = x, y pixels)."""
    grid = model.grids[0]
    level, count = grid.level, grid.refs.shape[-1]
    iy, ix = cells_around(len(y), centre, model)
    re, im = np.empty((2, *iy.shape, count), np.float32)
    kernels.shift_images(y, grid.ramps[0], grid.ramps[1], iy, ix, re, im)
    prior = model.shift_prior(level.shift[iy] ** 2 + level.shift[ix] ** 2)
    return Rows(re, im, iy, ix, prior, np.ascontiguousarray(c2[:, :count]))


def _products(rows: Rows, model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a, b (n, T, C * half) and base (n, C * half): the score is a + b + base, half a turn on a - b + base."""
    refs = model.grids[0].refs
    classes, half, _, count = refs.shape
    n, columns = len(rows.re), classes * half
    turned = 2 * refs.reshape(columns, 2, count)
    power = (refs**2).sum(2).reshape(columns, count)
    base = np.repeat(model.log_prior, half) - rows.c2 @ power.T
    a = (rows.re.reshape(-1, count) @ turned[:, 0].T).reshape(n, -1, columns)
    b = (rows.im.reshape(-1, count) @ turned[:, 1].T).reshape(n, -1, columns)
    return a, b, base


def best_cells(rows: Rows, images: np.ndarray, model: Model) -> np.ndarray:
    """(m, 5 = image, class, psi, y, x) int32: the cells of each image that are worth splitting; sorted."""
    a, b, base = _products(rows, model)
    n, half = len(a), model.grids[0].level.half
    found, scores = np.empty((n * _SEARCHED, 3), np.int32), np.empty(n * _SEARCHED, np.float32)
    faint = np.float32(FAINT * model.temperature)
    m = kernels.best_scores(a, b, base, rows.prior, faint, _SEARCHED, found, scores)
    found = found[strongest(found[:m, 0], scores[:m])]
    i, t, column = found.T
    turn, column = np.divmod(column, a.shape[2])
    cls, p = np.divmod(column, half)
    cells = np.stack([images[i], cls, p + half * turn, rows.iy[i, t], rows.ix[i, t]], 1).astype(np.int32)
    return cells[np.lexsort(cells.T[::-1])]


def strongest(image: np.ndarray, scores: np.ndarray, faint: float = np.inf) -> np.ndarray:
    """Indices, ascending, of the best `KEPT` scores of each image not more than `faint` below its best."""
    order = np.lexsort((-scores, image))
    ranked = image[order]
    starts = np.flatnonzero(np.diff(ranked, prepend=-1))
    sizes = np.diff(starts, append=len(order))
    rank = np.arange(len(order)) - np.repeat(starts, sizes)
    near = scores[order] >= np.repeat(scores[order][starts], sizes) - faint
    return np.sort(order[(rank < KEPT) & near])


def sums(rows: Rows, images: np.ndarray, model: Model, partial: Partial) -> None:
    """Posterior of every cell, and its weighted images added to the planes."""
    a, b, base = _products(rows, model)
    scores = np.stack([a + b, a - b], axis=2) + base[:, None, None] + rows.prior[:, :, None, None]
    scores /= np.float32(model.temperature)
    n, columns = len(a), a.shape[2]
    top = scores.reshape(n, -1).max(1)
    weights = np.exp(scores - top[:, None, None, None])
    total = weights.reshape(n, -1).sum(1)
    weights /= total[:, None, None, None]
    _record(rows, images, weights, top + np.log(total), model, partial)
    plus = (weights[:, :, 0] + weights[:, :, 1]).reshape(-1, columns)
    minus = (weights[:, :, 0] - weights[:, :, 1]).reshape(-1, columns)
    count = rows.re.shape[2]
    re, im = plus.T @ rows.re.reshape(-1, count), minus.T @ rows.im.reshape(-1, count)
    den = plus.reshape(n, -1, columns).sum(1).T @ rows.c2
    turn = model.grids[0].turn
    kernels.scatter_all(
        re, im, den, partial.sums, turn.index, turn.fx, turn.fy, turn.sign, model.plane.columns,
        np.empty((3, count), np.float32),
    )  # fmt: skip


def _record(
    rows: Rows, images: np.ndarray, weights: np.ndarray, evidence: np.ndarray, model: Model, partial: Partial
) -> None:
    """Best cell, class posteriors and spread of shifts; weights (n, T, 2, C * half) sum to 1 an image."""
    level, n = model.grids[0].level, len(images)
    split = weights.reshape(n, weights.shape[1], 2, len(model.log_prior), level.half)
    best = weights.reshape(n, -1).argmax(1)
    t, turn, cls, p = np.unravel_index(best, split.shape[1:])
    one = np.arange(n)
    partial.occupancy[images] = split.sum((1, 2, 4))
    partial.best[images] = weights.reshape(n, -1)[one, best]
    partial.cls[images], partial.psi[images] = cls, level.psi[p + level.half * turn]
    partial.shift[images] = np.stack([level.shift[rows.ix[one, t]], level.shift[rows.iy[one, t]]], 1)
    partial.gain[images] = evidence - np.log(model.volume)
    squared = level.shift[rows.ix] ** 2 + level.shift[rows.iy] ** 2
    partial.shift2[images] = (split.sum((2, 3, 4)) * squared).sum(1)
