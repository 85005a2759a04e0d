"""Images added to the oversampled grid, eight corners a coefficient (numba).

What is compiled here holds `cells.place`: a change of that wants this module to be compiled again.
"""

import numba
import numpy as np

from spa.volume.cells import INNER, place

CHUNK = 128  # coefficients put in together: what they touch stays in the first caches


@numba.njit("void(f4[::1], i8, f4, f4, f4, f4)", cache=True, **INNER)
def _put(grid, at, share, re, im, weight):
    """One corner: four floats side by side, one instruction each way."""
    a, b = grid[at] + share * re, grid[at + 1] + share * im
    c, d = grid[at + 2] + share * weight, grid[at + 3] + np.float32(0) * share
    grid[at], grid[at + 1], grid[at + 2], grid[at + 3] = a, b, c, d


@numba.njit("void(f4[::1], i8, i8, i8, i4[::1], f4[:,::1], i8, i8)", cache=True, **INNER)
def _spread(grid, row, plane, n, at, v, z0, z1):
    """n coefficients into their cells' eight corners, as far as these lie in planes z0 … z1 - 1."""
    one = np.float32(1)
    for j in range(n):
        iz = int(v[4, j])
        if iz + 1 < z0 or iz >= z1:
            continue
        b = np.int64(at[j])
        tx, ty, tz = v[0, j], v[1, j], v[2, j]
        re, im, weight = v[5, j], v[6, j], v[7, j]
        sx, sy = one - tx, one - ty
        for dz in range(2):
            if iz + dz < z0 or iz + dz >= z1:
                continue
            wz = tz if dz else one - tz
            c = b + dz * plane
            _put(grid, c, wz * sy * sx, re, im, weight)
            _put(grid, c + 4, wz * sy * tx, re, im, weight)
            _put(grid, c + row, wz * ty * sx, re, im, weight)
            _put(grid, c + row + 4, wz * ty * tx, re, im, weight)


@numba.njit(
    "void(f4[::1], i8, i8, i8[::1], f4[:,:,::1], f4[:,:,::1], f4[::1], f4[:,:,::1], f4[:,::1], f4[::1], f4[::1],"
    " i4[::1], i4[::1], i4[::1], f4[:,::1], i8, i8)",
    nogil=True, fastmath=True, cache=True, error_model="numpy",
)  # fmt: skip
def scatter(grid, ny, nx, rows, poses, tables, scales, values, weights, kx, ky, ix, iy, at, v, z0, z1):
    """Samples of one image go in together, chunk by chunk: they touch the same memory, fetched ahead of the sums."""
    top = tables.shape[2] // 2
    row, plane = 4 * nx, 4 * nx * ny
    i0 = 0
    while i0 < len(rows):
        i1 = i0 + 1
        while i1 < len(rows) and rows[i1] == rows[i0]:
            i1 += 1
        image = rows[i0]
        for first in range(0, len(kx), len(at)):
            n = min(len(at), len(kx) - first)
            for i in range(i0, i1):
                t, scale = tables[i], scales[i]
                place(poses[i], kx, ky, ny, nx, 4, first, n, at, v)
                for j in range(n):
                    ox, oy = ix[first + j] + top, iy[first + j] + top
                    cr, ci = t[0, ox] * t[2, oy] - t[1, ox] * t[3, oy], t[0, ox] * t[3, oy] + t[1, ox] * t[2, oy]
                    re, im = values[image, 0, first + j], values[image, 1, first + j]
                    v[5, j] = scale * (re * cr - im * ci)
                    v[6, j] = scale * v[3, j] * (re * ci + im * cr)
                    v[7, j] = scale * weights[image, first + j]
                if i == i0:
                    ahead = np.float32(0)
                    for j in range(n):
                        b = np.int64(at[j])
                        ahead += (grid[b] + grid[b + row]) + (grid[b + plane] + grid[b + plane + row])
                    v[8, 0] = ahead  # not used: only so that the loads are made
                _spread(grid, row, plane, n, at, v, z0, z1)
        i0 = i1


def ramp_tables(shifts: np.ndarray, top: int, box: int) -> np.ndarray:
    """(j, 4, 2 top + 1) float32: cos and sin of 2 pi k x / box, cos and sin of 2 pi k y / box, k = -top … top."""
    angle = (2 * np.pi / box * shifts).astype(np.float32)[:, :, None] * np.arange(-top, top + 1, dtype=np.float32)
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).reshape(len(shifts), 4, -1)
