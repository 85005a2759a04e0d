"""The inner loops that are not matrix products: scores of single cells, and sums of weighted images.

Images are planes re, im (K) already multiplied by CTF / noise; a reference at psi + 180 degrees is the conjugate
of that at psi, so only half a turn of references is kept. A shift of t pixels is the phase exp(2 pi i k.t / N),
kept as its factors along x and y.
"""

import numpy as np

from spa.compiled import inner, kernel


def cell_scores(
    y: np.ndarray, c2: np.ndarray, refs: np.ndarray, ramp_x: np.ndarray, ramp_y: np.ndarray, cells: np.ndarray
) -> np.ndarray:
    """(n, 8) log-likelihoods of the children (psi, y, x) of cells (n, 5 = image, class, psi, y, x), sorted so."""
    out = np.empty((len(cells), 8), np.float32)
    _cell_scores(y, c2, refs, ramp_x, ramp_y, cells, *np.empty((2, y.shape[2]), np.float32), out)
    return out


@kernel(
    "void(f4[:,:,::1], f4[:,::1], f4[:,:,:,::1], f4[:,:,::1], f4[:,:,::1], i4[:,::1], f4[::1], f4[::1], f4[:,::1])",
    fastmath=True,
)
def _cell_scores(y, c2, refs, ramp_x, ramp_y, cells, zr, zi, out):  # type: ignore[no-untyped-def]
    n, count = len(cells), y.shape[2]
    half = refs.shape[1]
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


@kernel("void(f4[:,:,::1], i4[:,::1], f4[:,::1], f4[:,::1], f4[:,::1], i8, f4[:,:,:,::1])")
def cut(grids, index, fx, fy, sign, columns, out):  # type: ignore[no-untyped-def]
    """Planes (C, cells, 2) at turned coefficients (P, K), bilinear; into out (C, P, 2, K)."""
    one = np.float32(1.0)
    for c in range(len(grids)):
        grid = grids[c]
        for p in range(len(index)):
            for k in range(index.shape[1]):
                at, x, y = index[p, k], fx[p, k], fy[p, k]
                below = at + columns
                for part in range(2):
                    low = grid[at, part] * (one - x) + grid[at + 1, part] * x
                    high = grid[below, part] * (one - x) + grid[below + 1, part] * x
                    value = low * (one - y) + high * y
                    out[c, p, part, k] = value * sign[p, k] if part else value


@kernel("void(f4[:,::1], f4[:,::1], i4[::1], f4[::1], f4[::1], f4[::1], i8)", fastmath=True)
def scatter(column, target, index, fx, fy, sign, columns):  # type: ignore[no-untyped-def]
    """Adds a column (3 = re, im, weight; K) turned into a plane (cells, 3): the adjoint of `slices`."""
    _scatter(column, target, index, fx, fy, sign, columns)


@kernel(
    "void(f4[:,::1], f4[:,::1], f4[:,::1], f4[:,:,::1], i4[:,::1], f4[:,::1], f4[:,::1], f4[:,::1], i8, f4[:,::1])",
    fastmath=True,
)
def scatter_all(re, im, weight, targets, index, fx, fy, sign, columns, column):  # type: ignore[no-untyped-def]
    """`scatter` of re, im, weight (C * P, K) at turned coefficients (P, K), into planes (C, cells, 3).

    column (3, K): to work in.
    """
    turns = len(index)
    for c in range(len(re)):
        p = c % turns
        for k in range(index.shape[1]):
            column[0, k], column[1, k], column[2, k] = re[c, k], im[c, k], weight[c, k]
        _scatter(column, targets[c // turns], index[p], fx[p], fy[p], sign[p], columns)


@inner
def _scatter(column, target, index, fx, fy, sign, columns):  # type: ignore[no-untyped-def]
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


def gather_images(
    y: np.ndarray, c2: np.ndarray, ramp_x: np.ndarray, ramp_y: np.ndarray, entries: np.ndarray, weights: np.ndarray,
    target: np.ndarray, index: np.ndarray, fx: np.ndarray, fy: np.ndarray, sign: np.ndarray, columns: int,
) -> None:  # fmt: skip
    """Adds weighted, shifted images turned back into planes.

    entries (n, 6 = unit, half-turn psi, flip, image, y, x) sorted by unit and psi, so that each (unit, psi) is
    turned once; target (units, cells, 3).
    """
    column = np.zeros((3, y.shape[2]), np.float32)
    _gather_images(y, c2, ramp_x, ramp_y, entries, weights, target, index, fx, fy, sign, columns, column)


@kernel(
    "void(f4[:,:,::1], f4[:,::1], f4[:,:,::1], f4[:,:,::1], i4[:,::1], f4[::1], f4[:,:,::1], i4[:,::1], f4[:,::1],"
    " f4[:,::1], f4[:,::1], i8, f4[:,::1])", fastmath=True,
)  # fmt: skip
def _gather_images(y, c2, ramp_x, ramp_y, entries, weights, target, index, fx, fy, sign, columns, column):  # type: ignore[no-untyped-def]
    count = y.shape[2]
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
            _scatter(column, target[unit], index[psi], fx[psi], fy[psi], sign[psi], columns)
            column[:] = 0


@kernel(
    "void(f4[:,:,::1], f4[:,:,::1], f4[:,:,::1], i4[:,::1], i4[:,::1], f4[:,:,::1], f4[:,:,::1])", fastmath=True,
)  # fmt: skip
def shift_images(y, ramp_x, ramp_y, iy, ix, out_re, out_im):  # type: ignore[no-untyped-def]
    """Every image (n, 2, >= K) at its shifts iy, ix (n, T): out (n, T, K) re and im."""
    n, shifts, count = out_re.shape
    for i in range(n):
        xr, xi = y[i, 0], y[i, 1]
        for t in range(shifts):
            yr, yi = ramp_y[iy[i, t], 0], ramp_y[iy[i, t], 1]
            er, ei = ramp_x[ix[i, t], 0], ramp_x[ix[i, t], 1]
            a, b = out_re[i, t], out_im[i, t]
            for k in range(count):
                re = er[k] * yr[k] - ei[k] * yi[k]
                im = er[k] * yi[k] + ei[k] * yr[k]
                a[k] = xr[k] * re - xi[k] * im
                b[k] = xr[k] * im + xi[k] * re


def best_scores(
    a: np.ndarray, b: np.ndarray, base: np.ndarray, prior: np.ndarray, faint: float, most: int, cells: np.ndarray,
    scores: np.ndarray,
) -> int:  # fmt: skip
    """Scores a + b (half a turn on: a - b) + base + prior within `faint` of an image's best; how many.

    a, b (n, T, columns), base (n, columns), prior (n, T). cells (n * most, 3 = image, shift, column; columns + column
    for the second half turn) and scores are filled in that order. Where an image has more than `most`, `faint` is
    halved for it until it has not.
    """
    return int(_best_scores(a, b, base, prior, faint, most, cells, scores, np.empty(a.shape[1], np.float32)))


@kernel(
    "i8(f4[:,:,::1], f4[:,:,::1], f4[:,::1], f4[:,::1], f4, i8, i4[:,::1], f4[::1], f4[::1])", fastmath=True
)
def _best_scores(a, b, base, prior, faint, most, cells, scores, tops):  # type: ignore[no-untyped-def]
    n, shifts, columns = a.shape
    found = 0
    for i in range(n):
        row_base = base[i]
        best = np.float32(-1e30)
        for t in range(shifts):
            top = np.float32(-1e30)
            ra, rb = a[i, t], b[i, t]
            for c in range(columns):
                top = max(top, ra[c] + abs(rb[c]) + row_base[c])
            tops[t] = top + prior[i, t]
            best = max(best, tops[t])
        first, bound = found, faint
        while True:
            found = first
            for t in range(shifts):
                if tops[t] >= best - bound:
                    for half in range(2):
                        sign = np.float32(1 - 2 * half)
                        for c in range(columns):
                            score = a[i, t, c] + sign * b[i, t, c] + row_base[c] + prior[i, t]
                            if score >= best - bound:
                                if found - first < most:
                                    cells[found, 0], cells[found, 1], cells[found, 2] = i, t, c + half * columns
                                    scores[found] = score
                                found += 1
            if found - first <= most:
                break
            if bound < np.float32(1e-3):
                found = first + most
                break
            bound /= 2
    return found
