"""Images added to the oversampled grid, eight corners a coefficient (numba).

What is compiled here holds `cells.place`: a change of that wants this module to be compiled again.
"""

import numpy as np

from spa.compiled import inner, kernel
from spa.volume.cells import place, run_of


@inner
def _spread(grid, row, plane, n, at, v, z0, z1):
    """n coefficients into their cells' eight corners, as far as these lie in planes z0 … z1 - 1.

    Two corners side by side, three floats each, are read together and written together.
    """
    one = np.float32(1)
    for j in range(n):
        iz = np.int64(v[4, j])
        if iz + 1 < z0 or iz >= z1:
            continue
        b = 3 * np.int64(at[j])
        tx, ty, tz = v[0, j], v[1, j], v[2, j]
        re, im, weight = v[5, j], v[6, j], v[7, j]
        for dz in range(2):
            if iz + dz < z0 or iz + dz >= z1:
                continue
            wz = tz if dz else one - tz
            for dy in range(2):
                wy = wz * (ty if dy else one - ty)
                c = b + dz * plane + dy * row
                far = wy * tx
                near = wy - far
                a0, a1, a2 = grid[c] + near * re, grid[c + 1] + near * im, grid[c + 2] + near * weight
                b0, b1, b2 = grid[c + 3] + far * re, grid[c + 4] + far * im, grid[c + 5] + far * weight
                grid[c], grid[c + 1], grid[c + 2], grid[c + 3], grid[c + 4], grid[c + 5] = a0, a1, a2, b0, b1, b2


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
    "void(f4[::1], i8, i8, i4[::1], i8[::1], f4[:,:,::1], f4[:,:,::1], f4[::1], f4[:,:,::1], f4[:,::1], f4[::1],"
    " f4[::1], i4[::1], f4[:,::1], i8, i8)",
    fastmath=True,
)  # fmt: skip
def scatter(grid, ny, nx, visits, rows, poses, tables, scales, values, weights, kx, ky, at, v, z0, z1):
    """Runs of len(at) coefficients, of the slices, in the order of visits (`patches.visits`)."""
    row, plane = 3 * nx, 3 * nx * ny
    for visit in visits:
        i, first, n = run_of(visit, len(kx), len(at))
        place(poses, i, kx, ky, ny, nx, first, n, at, v)
        _turned(i, rows[i], tables, scales, values, weights, kx, ky, first, n, v)
        _spread(grid, row, plane, n, at, v, z0, z1)


def ramp_tables(shifts: np.ndarray, top: int, box: int) -> np.ndarray:
    """(j, 4, 2 top + 1) float32: cos and sin of 2 pi k x / box, cos and sin of 2 pi k y / box, k = -top … top."""
    angle = (2 * np.pi / box * shifts).astype(np.float32)[:, :, None] * np.arange(-top, top + 1, dtype=np.float32)
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).reshape(len(shifts), 4, -1)
