"""The best cells split along psi, y and x and scored again in the whole band, and the sums of what is left."""

import numpy as np

from spa.class2d import kernels
from spa.class2d.coarse import FAINT, strongest
from spa.class2d.model import Grid, Model, Partial

_STEPS = np.array([[turn, dy, dx] for turn in (0, 1) for dy in (0, 1) for dx in (0, 1)], np.int32)


def sums(y: np.ndarray, c2: np.ndarray, cells: np.ndarray, model: Model, partial: Partial) -> None:
    """Posterior of the split cells level by level; the weighted images of the last are added to the planes.

    y (B, 2, K) images times CTF / noise, c2 (B, K); cells as `coarse.best_cells` gives them.
    """
    last = len(model.grids) - 1
    for i, grid in enumerate(model.grids[1:], 1):
        scores = kernels.cell_scores(y, c2, grid.refs, grid.ramps[0], grid.ramps[1], cells)
        cells, flat = children(cells, scores, grid, model)
        order = np.lexsort(cells.T[::-1])
        cells, flat = cells[order], flat[order]
        if i < last:
            cells = cells[strongest(cells[:, 0], flat, FAINT)]
    weights = record(cells, flat, model, partial)
    _add(y, c2, cells, weights, model, partial)


def children(cells: np.ndarray, scores: np.ndarray, grid: Grid, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """The split cells (8 n, 5), in the order of the cells, and their log posteriors (without the norm)."""
    split = np.repeat(cells[:, None, :], 8, axis=1)
    split[:, :, 2:] = 2 * split[:, :, 2:] + _STEPS
    split = split.reshape(-1, 5)
    squared = grid.level.shift[split[:, 3]] ** 2 + grid.level.shift[split[:, 4]] ** 2
    flat = scores.ravel() + model.log_prior[split[:, 1]] + model.shift_prior(squared)
    return split, flat / np.float32(model.temperature)


def record(cells: np.ndarray, flat: np.ndarray, model: Model, partial: Partial) -> np.ndarray:
    """Posterior weights of the cells, which come image by image, and what they say of each image."""
    level, image, n = model.grids[-1].level, cells[:, 0], len(partial.cls)
    starts = np.flatnonzero(np.diff(image, prepend=-1))
    sizes = np.diff(starts, append=len(cells))
    top = np.maximum.reduceat(flat, starts)
    weights = np.exp(flat - np.repeat(top, sizes))
    total = np.add.reduceat(weights, starts)
    weights /= np.repeat(total, sizes)
    t = np.stack([level.shift[cells[:, 4]], level.shift[cells[:, 3]]], 1)
    first = np.lexsort((-weights, image))[starts]
    classes = len(model.log_prior)
    partial.occupancy[:] = np.bincount(image * classes + cells[:, 1], weights, n * classes).reshape(n, classes)
    partial.shift2[:] = np.bincount(image, weights * (t**2).sum(1), n)
    partial.cls[:], partial.psi[:] = cells[first, 1], level.psi[cells[first, 2]]
    partial.shift[:], partial.best[:] = t[first], weights[first]
    partial.gain[:] = top + np.log(total) - np.log(model.volume)
    return weights


def _add(
    y: np.ndarray, c2: np.ndarray, cells: np.ndarray, weights: np.ndarray, model: Model, partial: Partial
) -> None:
    """Adds each image, weighted and moved, to the planes of its classes."""
    grid = model.grids[-1]
    turn, (found, weights) = grid.turn, entries(cells, weights, grid)
    order = np.lexsort((found[:, 3], found[:, 1], found[:, 0]))
    kernels.gather_images(
        y, c2, grid.ramps[0], grid.ramps[1], np.ascontiguousarray(found[order], np.int32),
        np.ascontiguousarray(weights[order], np.float32), partial.sums, turn.index, turn.fx, turn.fy, turn.sign,
        model.plane.columns,
    )  # fmt: skip


def entries(cells: np.ndarray, weights: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """(m, 6 = class, angle of the half turn, whether half a turn on, image, y, x) of cells that count; weights (m,)."""
    kept = weights > np.exp(-FAINT)
    cells = cells[kept]
    flip = cells[:, 2] >= grid.level.half
    psi = cells[:, 2] - grid.level.half * flip
    return np.stack([cells[:, 1], psi, flip, cells[:, 0], cells[:, 3], cells[:, 4]], 1), weights[kept]
