"""Images against several maps in every orientation and shift of a grid, wherever the engine computes."""

from dataclasses import dataclass

import numpy as np

from spa.abinit import soft
from spa.abinit.plan import CELLS
from spa.abinit.shifted import shifts_of
from spa.refine.data import Images
from spa.refine.problem import Workers
from spa.volume.slices import reference, slices

PARTS = 8  # that images are summed in at once, whatever the threads


@dataclass(frozen=True, eq=False)
class Grid:
    """What is searched: poses (g, 3, 3) in every map, in each its own shells and its own shifts (s, 2) of images; sigma
    of their prior, pixels."""

    poses: np.ndarray
    bands: tuple[int, ...]
    shifts: tuple[np.ndarray, ...]
    sigma: float

    @property
    def band(self) -> int:
        """Of the images."""
        return max(self.bands)


def blocks(rows: np.ndarray, cells: int) -> list[np.ndarray]:
    """Rows in blocks whose products (cells an image) stay small; the same whatever the threads."""
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
    columns = list(workers.map(lambda number: _columns(images, maps[number], grid, number), range(len(maps))))

    def several(parts: list[np.ndarray]) -> soft.Averages:
        return soft.together(
            soft.averages(images.block(part, grid.band, noise), columns, grid.sigma, temper) for part in parts
        )

    every = blocks(rows, sum(one.cells for one in columns))
    step = -(-len(every) // PARTS)
    return soft.together(workers.map(several, [every[i : i + step] for i in range(0, len(every), step)]))


def evidence(
    images: Images, rows: np.ndarray, maps: np.ndarray, noise: np.ndarray, grid: Grid, workers: Workers
) -> tuple[np.ndarray, np.ndarray]:
    """Log evidence of rows under each map (rows, c) with all poses alike, and their greatest weights (rows,)."""
    if workers.engine.device is not None:
        from spa.abinit import batch_cuda

        return batch_cuda.evidence(workers.engine, images, rows, maps, noise, grid)
    found = [_weighed(images, rows, one, noise, grid, number, workers) for number, one in enumerate(maps)]
    logs, mass = (np.stack(one, axis=1) for one in zip(*found))
    return logs, soft.shared(logs, mass)[1]


def _weighed(
    images: Images, rows: np.ndarray, volume: np.ndarray, noise: np.ndarray, grid: Grid, number: int, workers: Workers
) -> tuple[np.ndarray, np.ndarray]:
    """Log evidence (rows,) of rows under one map, and the mass of their weights."""
    columns = _columns(images, volume, grid, number)

    def one(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = soft.weighed(images.block(part, grid.bands[number], noise), columns, grid.sigma, wanted=False)
        return found.evidence, found.mass

    found = list(workers.map(one, blocks(rows, columns.cells)))
    return np.concatenate([one for one, _ in found]), np.concatenate([mass for _, mass in found])


def _columns(images: Images, volume: np.ndarray, grid: Grid, number: int) -> soft.Slices:
    band = grid.bands[number]
    count = images.band.count(band)
    kx, ky = images.band.kx[:count], images.band.ky[:count]
    cut = slices(reference(volume, band), grid.poses, kx, ky)
    return soft.slices_of(cut, shifts_of(grid.shifts[number], kx, ky, images.band.box))
