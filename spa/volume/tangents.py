"""Slices with their slopes along x and y, from the same eight corners of a cell (numba): for kernels that need no more
of them than sums, and keep a few coefficients at a time."""

import numpy as np

from spa.compiled import inner
from spa.volume.cells import fetched, place
from spa.volume.slices import PADDING


@inner
def tangents(grid, ny, nx, poses, i, kx, ky, first, n, at, v, out):
    """Of n coefficients, from `first` on, of the slice at poses[i]: out (6, n or more), its real and imaginary part as
    `slices.slices` has them, and what these change a cycle a box along x, and along y, within their cells.

    grid: of a `Reference`, flat, ny and nx its rows and columns; at and v: room as for `place`.
    """
    two, row, plane = np.uint64(2), np.uint64(2 * nx), np.uint64(2 * nx * ny)  # no sign: none is looked for at a load
    scale = np.float32(PADDING)
    a00, a01, a02 = scale * poses[i, 0, 0], scale * poses[i, 0, 1], scale * poses[i, 0, 2]
    a10, a11, a12 = scale * poses[i, 1, 0], scale * poses[i, 1, 1], scale * poses[i, 1, 2]
    place(poses, i, kx, ky, ny, nx, first, n, at, v)
    v[4, 0] = fetched(grid, row, plane, at, n)
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
            turn = sign if part == 0 else np.float32(1)
            out[part, j] = value if part == 0 else sign * value
            out[2 + part, j] = turn * (a00 * gx + a01 * gy + a02 * gz)
            out[4 + part, j] = turn * (a10 * gx + a11 * gy + a12 * gz)
