"""A padded spectrum gathered between its points (numba); compiled by the first map that is sampled."""

import numpy as np

from spa.compiled import kernel
from spa.volume.transform import BETA, WIDTH


def gather(grid: np.ndarray, points: np.ndarray, out: np.ndarray) -> None:
    """out (K,): the padded spectrum at points (K, 3), in its steps."""
    _gather(grid, points, np.empty((3, WIDTH)), np.empty(3, np.int64), out)


@kernel("void(c8[:,:,::1], f8[:,::1], f8[:,::1], i8[::1], c8[::1])", fastmath=True)
def _gather(grid, points, weight, first, out):  # type: ignore[no-untyped-def]
    """weight (3, WIDTH) and first (3,): to work in."""
    size = grid.shape[0]
    for i in range(points.shape[0]):
        sign = -1.0 if points[i, 0] < 0 else 1.0
        for axis in range(3):
            u = sign * points[i, axis]
            first[axis] = int(np.ceil(u - WIDTH / 2))
            for j in range(WIDTH):
                t = 2 * (first[axis] + j - u) / WIDTH
                weight[axis, j] = np.exp(BETA * (np.sqrt(max(0.0, 1 - t * t)) - 1))
        re, im = 0.0, 0.0
        for jz in range(WIDTH):
            z = (first[2] + jz) % size
            for jy in range(WIDTH):
                y = (first[1] + jy) % size
                row = grid[z, y]
                w = weight[2, jz] * weight[1, jy]
                for jx in range(WIDTH):
                    value = row[first[0] + jx + WIDTH]
                    re += w * weight[0, jx] * value.real
                    im += w * weight[0, jx] * value.imag
        out[i] = complex(re, sign * im)
