"""Central slices with their slopes along x and y, from the same eight corners of a cell (numba)."""

import numpy as np

from spa.image.compiled import kernel
from spa.volume.cells import CHUNK, place
from spa.volume.slices import PADDING, Reference


@kernel(
    "void(f4[::1], i8, i8, f4[:,:,::1], f4[::1], f4[::1], i4[::1], f4[:,::1], f4[:,:,::1], f4[:,:,:,::1])",
    fastmath=True, error_model="numpy",
)  # fmt: skip
def _gather(grid, ny, nx, poses, kx, ky, at, v, out, slope):
    two, row, plane = np.uint64(2), np.uint64(2 * nx), np.uint64(2 * nx * ny)  # no sign: none is looked for at a load
    scale = np.float32(PADDING)
    for i in range(len(poses)):
        a00, a01, a02 = scale * poses[i, 0, 0], scale * poses[i, 0, 1], scale * poses[i, 0, 2]
        a10, a11, a12 = scale * poses[i, 1, 0], scale * poses[i, 1, 1], scale * poses[i, 1, 2]
        for first in range(0, len(kx), len(at)):
            n = min(len(at), len(kx) - first)
            place(poses, i, kx, ky, ny, nx, first, n, at, v)
            for j in range(n):
                tx, ty, tz, sign = v[0, j], v[1, j], v[2, j], v[3, j]
                for part in range(2):
                    b = two * np.uint64(at[j]) + np.uint64(part)
                    c, d, e = b + row, b + plane, b + plane + row
                    d00, d01 = grid[b + two] - grid[b], grid[c + two] - grid[c]
                    d10, d11 = grid[d + two] - grid[d], grid[e + two] - grid[e]
                    e00, e01 = grid[b] + tx * d00, grid[c] + tx * d01
                    e10, e11 = grid[d] + tx * d10, grid[e] + tx * d11
                    d0, d1 = d00 + ty * (d01 - d00), d10 + ty * (d11 - d10)
                    y0, y1 = e01 - e00, e11 - e10
                    e0, e1 = e00 + ty * y0, e10 + ty * y1
                    gx, gy, gz = d0 + tz * (d1 - d0), y0 + tz * (y1 - y0), e1 - e0
                    value = e0 + tz * gz
                    # the half's sign turns places about, and imaginary parts
                    out[i, part, first + j] = value if part == 0 else sign * value
                    turn = sign if part == 0 else np.float32(1)
                    slope[i, 0, part, first + j] = turn * (a00 * gx + a01 * gy + a02 * gz)
                    slope[i, 1, part, first + j] = turn * (a10 * gx + a11 * gy + a12 * gz)


def tangents(source: Reference, poses: np.ndarray, kx: np.ndarray, ky: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slices (n, 2, K) float32 at poses (n, 3, 3) and frequencies kx, ky (K,) in cycles a box, as `slices.slices` has
    them, and what they change a cycle a box along x and along y (n, 2, 2, K), within their cells."""
    n, size, grid = len(poses), len(kx), source.grid
    out, slope = np.empty((n, 2, size), np.float32), np.empty((n, 2, 2, size), np.float32)
    _gather(
        grid.reshape(-1), grid.shape[1], grid.shape[2], np.ascontiguousarray(poses, np.float32), np.float32(kx),
        np.float32(ky), np.empty(CHUNK, np.int32), np.empty((5, CHUNK), np.float32), out, slope,
    )  # fmt: skip
    return out, slope
