"""Images against several maps in every orientation and shift of a grid, wherever the engine computes."""

from dataclasses import dataclass

import numpy as np

from spa.abinit import soft
from spa.abinit.plan import CELLS
from spa.refine.data import Images
from spa.refine.problem import Workers
from spa.volume.slices import reference, slices


@dataclass(frozen=True, eq=False)
class Grid:
    """What is searched: a band (shells), poses (g, 3, 3), shifts (s, 2) and the width of their prior, pixels."""

    band: int
    poses: np.ndarray
    shifts: np.ndarray
    sigma: float


def blocks(rows: np.ndarray, cells: int) -> list[np.ndarray]:
    """Rows in blocks whose scores (cells an image) stay small; the same whatever the threads."""
    size = int(np.clip(CELLS // max(cells, 1), 4, 100))
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def averages(
    images: Images, rows: np.ndarray, maps: np.ndarray, noise: np.ndarray, grid: Grid, temper: soft.Temper,
    workers: Workers,
) -> soft.Averages:  # fmt: skip
    """The average image of every slice of maps (c, n, n, n) over images rows; noise (groups, shells)."""
    if workers.engine.device is not None:
        from spa.abinit import batch_cuda

        return batch_cuda.averages(workers.engine, images, rows, maps, noise, grid, temper)
    columns = _columns(images, maps, grid, workers)

    def one(part: np.ndarray) -> soft.Averages:
        return soft.averages(images.block(part, grid.band, noise), columns, grid.shifts, grid.sigma, temper)

    found = list(workers.map(one, blocks(rows, len(grid.shifts) * len(columns.packed))))
    return soft.Averages(
        _total([one.values for one in found]), _total([one.weights for one in found]),
        *(np.concatenate([getattr(one, name) for one in found]) for name in ("evidence", "share", "peak")),
    )  # fmt: skip


def evidence(
    images: Images, rows: np.ndarray, maps: np.ndarray, noise: np.ndarray, grid: Grid, workers: Workers
) -> tuple[np.ndarray, np.ndarray]:
    """Log evidence of rows under each map (rows, c) with a uniform prior, and their greatest weights (rows,)."""
    if workers.engine.device is not None:
        from spa.abinit import batch_cuda

        return batch_cuda.evidence(workers.engine, images, rows, maps, noise, grid)
    columns = _columns(images, maps, grid, workers)

    def one(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = soft.posterior(images.block(part, grid.band, noise), columns, grid.shifts, grid.sigma)
        return found[3], found[5]

    found = list(workers.map(one, blocks(rows, len(grid.shifts) * len(columns.packed))))
    return np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found])


def _columns(images: Images, maps: np.ndarray, grid: Grid, workers: Workers) -> soft.Slices:
    count = images.band.count(grid.band)
    kx, ky = images.band.kx[:count], images.band.ky[:count]
    cut = list(workers.map(lambda one: slices(reference(one, grid.band), grid.poses, kx, ky), maps))
    return soft.slices_of(grid.poses, cut)


def _total(parts: list[np.ndarray]) -> np.ndarray:
    """Their sum, in their order."""
    out = parts[0].copy(order="K")  # as they lie
    for part in parts[1:]:
        out += part
    return np.ascontiguousarray(out)
