"""The inner loops that are not matrix products: scores of single cells, and sums of weighted images.

Images are planes re, im (K) already multiplied by CTF / noise; a reference at psi + 180 degrees is the conjugate
of that at psi, so only half a turn of references is kept. A shift of t pixels is the phase exp(2 pi i k.t / N),
kept as its factors along x and y.
"""

import numba
import numpy as np

_f4, _i4 = numba.float32, numba.int32


@numba.njit(
    _f4[:, :](
        _f4[:, :, ::1], _f4[:, ::1], _f4[:, :, :, ::1], _f4[:, :, ::1], _f4[:, :, ::1], _i4[:, ::1]
    ),
    nogil=True, cache=True, fastmath=True,
)  # fmt: skip
def cell_scores(y, c2, refs, ramp_x, ramp_y, cells):  # type: ignore[no-untyped-def]
    """(n, 8) log-likelihoods of the children (psi, y, x) of cells (n, 5 = image, class, psi, y, x), sorted so."""
    n, count = len(cells), y.shape[2]
    half = refs.shape[1]
    out = np.empty((n, 8), np.float32)
    zr, zi = np.empty(count, np.float32), np.empty(count, np.float32)
    start = 0
    while start < n:
        image, cls, psi = cells[start, 0], cells[start, 1], cells[start, 2]
        stop = start + 1
        while stop < n and cells[stop, 0] == image and cells[stop, 1] == cls and cells[stop, 2] == psi:
            stop += 1
        xr, xi, weight = y[image, 0], y[image, 1], c2[image]
        for turn in range(2):
            j = 2 * psi + turn
            sign = np.float32(1.0)
            if j >= half:
                j -= half
                sign = np.float32(-1.0)
            pr, pi = refs[cls, j, 0], refs[cls, j, 1]
            norm = np.float32(0.0)
            for k in range(count):
                a, b = pr[k], sign * pi[k]
                zr[k] = xr[k] * a + xi[k] * b
                zi[k] = xi[k] * a - xr[k] * b
                norm += weight[k] * (a * a + b * b)
            for row in range(start, stop):
                for dy in range(2):
                    yr, yi = ramp_y[2 * cells[row, 3] + dy, 0], ramp_y[2 * cells[row, 3] + dy, 1]
                    for dx in range(2):
                        er, ei = ramp_x[2 * cells[row, 4] + dx, 0], ramp_x[2 * cells[row, 4] + dx, 1]
                        total = np.float32(0.0)
                        for k in range(count):
                            total += zr[k] * (er[k] * yr[k] - ei[k] * yi[k]) - zi[k] * (er[k] * yi[k] + ei[k] * yr[k])
                        out[row, 4 * turn + 2 * dy + dx] = 2 * total - norm
        start = stop
    return out


@numba.njit(
    numba.void(
        _f4[:, ::1], _f4[:, ::1], _i4[::1], _f4[::1], _f4[::1], _f4[::1], numba.int64
    ),
    nogil=True, cache=True, fastmath=True,
)  # fmt: skip
def scatter(column, target, index, fx, fy, sign, columns):  # type: ignore[no-untyped-def]
    """Adds a column (3 = re, im, weight; K) turned into a plane (cells, 3): the adjoint of `slices`."""
    for k in range(len(index)):
        at = index[k]
        re, im, weight = column[0, k], column[1, k] * sign[k], column[2, k]
        for corner in range(4):
            x, y = corner % 2, corner // 2
            w = (fx[k] if x else 1 - fx[k]) * (fy[k] if y else 1 - fy[k])
            cell = at + x + y * columns
            target[cell, 0] += w * re
            target[cell, 1] += w * im
            target[cell, 2] += w * weight


@numba.njit(
    numba.void(
        _f4[:, :, ::1], _f4[:, ::1], _f4[:, :, ::1], _f4[:, :, ::1], _i4[:, ::1], _f4[::1],
        _f4[:, :, ::1], _i4[:, ::1], _f4[:, ::1], _f4[:, ::1], _f4[:, ::1], numba.int64,
    ),
    nogil=True, cache=True, fastmath=True,
)  # fmt: skip
def gather_images(y, c2, ramp_x, ramp_y, entries, weights, target, index, fx, fy, sign, columns):  # type: ignore[no-untyped-def]
    """Adds weighted, shifted images turned back into planes.

    entries (n, 6 = unit, half-turn psi, flip, image, y, x) sorted by unit and psi, so that each (unit, psi) is
    turned once; target (units, cells, 3).
    """
    count = y.shape[2]
    column = np.zeros((3, count), np.float32)
    for e in range(len(entries)):
        image, w = entries[e, 3], weights[e]
        sign_im = -w if entries[e, 2] else w
        yr, yi = ramp_y[entries[e, 4], 0], ramp_y[entries[e, 4], 1]
        er, ei = ramp_x[entries[e, 5], 0], ramp_x[entries[e, 5], 1]
        xr, xi, weight = y[image, 0], y[image, 1], c2[image]
        for k in range(count):
            re = er[k] * yr[k] - ei[k] * yi[k]
            im = er[k] * yi[k] + ei[k] * yr[k]
            column[0, k] += w * (xr[k] * re - xi[k] * im)
            column[1, k] += sign_im * (xr[k] * im + xi[k] * re)
            column[2, k] += w * weight[k]
        unit, psi = entries[e, 0], entries[e, 1]
        if e + 1 == len(entries) or entries[e + 1, 0] != unit or entries[e + 1, 1] != psi:
            scatter(column, target[unit], index[psi], fx[psi], fy[psi], sign[psi], columns)
            column[:] = 0
