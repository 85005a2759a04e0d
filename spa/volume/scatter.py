"""Images added to the oversampled grid, eight corners a coefficient (numba).

What is compiled here holds `cells.place`: a change of that wants this module to be compiled again.
"""

import numpy as np

from spa.compiled import inner, kernel
from spa.volume.cells import place


@inner
def _put(grid, at, share, re, im, weight):
    """One corner: three floats side by side."""
    a, b = grid[at] + share * re, grid[at + 1] + share * im
    c = grid[at + 2] + share * weight
    grid[at], grid[at + 1], grid[at + 2] = a, b, c


@inner
def _spread(grid, row, plane, n, at, v, z0, z1):
    """n coefficients into their cells' eight corners, as far as these lie in planes z0 … z1 - 1."""
    one = np.float32(1)
    for j in range(n):
        iz = np.int64(v[4, j])
        if iz + 1 < z0 or iz >= z1:
            continue
        b = 3 * np.int64(at[j])
        tx, ty, tz = v[0, j], v[1, j], v[2, j]
        re, im, weight = v[5, j], v[6, j], v[7, j]
        sx, sy = one - tx, one - ty
        for dz in range(2):
            if iz + dz < z0 or iz + dz >= z1:
                continue
            wz = tz if dz else one - tz
            c = b + dz * plane
            _put(grid, c, wz * sy * sx, re, im, weight)
            _put(grid, c + 3, wz * sy * tx, re, im, weight)
            _put(grid, c + row, wz * ty * sx, re, im, weight)
            _put(grid, c + row + 3, wz * ty * tx, re, im, weight)


@inner
def _turned(i, image, tables, scales, values, weights, kx, ky, first, n, v):
    """n coefficients of an image moved back by its shift and weighed: rows 5-7 of v, whose row 3 is the half's sign."""
    top, scale = tables.shape[2] // 2, scales[i]
    for j in range(n):
        k = np.uint64(first + j)  # not counted from the end
        ox, oy = np.int32(kx[k]) + top, np.int32(ky[k]) + top
        ax, bx, ay, by = tables[i, 0, ox], tables[i, 1, ox], tables[i, 2, oy], tables[i, 3, oy]
        cr, ci = ax * ay - bx * by, ax * by + bx * ay
        re, im = values[image, 0, k], values[image, 1, k]
        v[5, j] = scale * (re * cr - im * ci)
        v[6, j] = scale * v[3, j] * (re * ci + im * cr)
        v[7, j] = scale * weights[image, k]


@kernel(
    "void(f4[::1], i8, i8, i8[::1], f4[:,:,::1], f4[:,:,::1], f4[::1], f4[:,:,::1], f4[:,::1], f4[::1], f4[::1],"
    " i4[::1], f4[:,::1], i8, i8)",
    fastmath=True,
)  # fmt: skip
def scatter(grid, ny, nx, rows, poses, tables, scales, values, weights, kx, ky, at, v, z0, z1):
    """Samples of one image go in together, chunk by chunk: they touch the same memory, fetched ahead of the sums."""
    row, plane = 3 * nx, 3 * nx * ny
    i0 = 0
    while i0 < len(rows):
        image, i1 = rows[i0], i0 + 1
        while i1 < len(rows) and rows[i1] == image:
            i1 += 1
        for first in range(0, len(kx), len(at)):
            n = len(at) if first + len(at) <= len(kx) else len(kx) - first
            for i in range(i0, i1):
                place(poses, i, kx, ky, ny, nx, first, n, at, v)
                _turned(i, image, tables, scales, values, weights, kx, ky, first, n, v)
                if i == i0:
                    ahead = np.float32(0)
                    for j in range(n):
                        b = 3 * np.int64(at[j])
                        ahead += (grid[b] + grid[b + row]) + (grid[b + plane] + grid[b + plane + row])
                    v[8, 0] = ahead  # not used: only so that the loads are made
                _spread(grid, row, plane, n, at, v, z0, z1)
        i0 = i1


def ramp_tables(shifts: np.ndarray, top: int, box: int) -> np.ndarray:
    """(j, 4, 2 top + 1) float32: cos and sin of 2 pi k x / box, cos and sin of 2 pi k y / box, k = -top … top."""
    angle = (2 * np.pi / box * shifts).astype(np.float32)[:, :, None] * np.arange(-top, top + 1, dtype=np.float32)
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).reshape(len(shifts), 4, -1)
