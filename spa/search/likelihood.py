"""The likelihood of poses with its gradient and curvature, in one pass over the band (numba).

The pass goes by chunks of the band: their corners are fetched from the volume first, then everything else is
arithmetic on whole vectors.

For a pose A (rows: the image's axes in the volume) turned by a small vector w in the image's frame,
``q(k) = A^T (k + w x k)``, so with the slice's gradient u = A[2].grad V and v = (A[1].grad V) kx - (A[0].grad V) ky
``dP/dw = (u ky, -u kx, v)``; a shift's derivative is ``-i (2 pi k / N) CTF P``.  Value and gradient of a trilinear
slice share their eight corners.  What is compiled here holds `cells.place`: a change of that wants this compiled again.
"""

from dataclasses import dataclass

import numba
import numpy as np

from spa.search.images import Block
from spa.volume.cells import INNER, place
from spa.volume.scatter import ramp_tables
from spa.volume.slices import Reference

_CHUNK = 128  # points whose corners are fetched together: their 21 floats each stay in the first cache
_SLOTS = 22  # cross, norm, 5 of J^T r, 15 of J^T J (its upper triangle by rows)
_ROW, _COLUMN = np.triu_indices(5)


@numba.njit("void(f4[::1], i8, i8, f4[:,::1], f4[::1], f4[::1], i8, i8, i4[::1], f4[:,::1])", cache=True, **INNER)
def _corners(grid, ny, nx, pose, kx, ky, first, n, at, out):
    """The eight corners of n points of a slice, apart so that their arithmetic fills whole vectors.

    out (21, n): 0-15 corners (z, y, x, re/im), then what `place` gives.
    """
    place(pose, kx, ky, ny, nx, 2, first, n, at, out[16:])
    row, plane = 2 * nx, 2 * nx * ny
    for j in range(n):
        b = np.int64(at[j])
        for k in range(4):
            out[k, j] = grid[b + k]
        for k in range(4):
            out[4 + k, j] = grid[b + row + k]
        for k in range(4):
            out[8 + k, j] = grid[b + plane + k]
        for k in range(4):
            out[12 + k, j] = grid[b + plane + row + k]


@numba.njit(
    "void(f4[:,::1], f4[:,::1], f4[:,::1], f4, f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], i8, f4[::1])",
    cache=True, **INNER,
)  # fmt: skip
def _add(v, ramp, a, unit, re, im, ctf, kx, ky, n, acc):
    two = np.float32(2)
    a00, a01, a02 = a[0, 0], a[0, 1], a[0, 2]
    a10, a11, a12 = a[1, 0], a[1, 1], a[1, 2]
    a20, a21, a22 = a[2, 0], a[2, 1], a[2, 2]
    cross, norm, zero = np.float32(0), np.float32(0), np.float32(0)
    r0, r1, r2, r3, r4 = zero, zero, zero, zero, zero
    h00, h01, h02, h03, h04 = zero, zero, zero, zero, zero
    h11, h12, h13, h14 = zero, zero, zero, zero
    h22, h23, h24 = zero, zero, zero
    h33, h34, h44 = zero, zero, zero
    for j in range(n):
        tx, ty, tz, sign = v[16, j], v[17, j], v[18, j], v[19, j]
        s2 = two * sign
        # real parts, then imaginary ones; derivatives are two cells a unit of k, and the half x < 0 is conjugate
        d00, d01, d10, d11 = v[2, j] - v[0, j], v[6, j] - v[4, j], v[10, j] - v[8, j], v[14, j] - v[12, j]
        e00, e01, e10, e11 = v[0, j] + tx * d00, v[4, j] + tx * d01, v[8, j] + tx * d10, v[12, j] + tx * d11
        e0, e1 = e00 + ty * (e01 - e00), e10 + ty * (e11 - e10)
        d0, d1 = d00 + ty * (d01 - d00), d10 + ty * (d11 - d10)
        f0, f1 = e01 - e00, e11 - e10
        pr = e0 + tz * (e1 - e0)
        dxr = s2 * (d0 + tz * (d1 - d0))
        dyr = s2 * (f0 + tz * (f1 - f0))
        dzr = s2 * (e1 - e0)
        d00, d01, d10, d11 = v[3, j] - v[1, j], v[7, j] - v[5, j], v[11, j] - v[9, j], v[15, j] - v[13, j]
        e00, e01, e10, e11 = v[1, j] + tx * d00, v[5, j] + tx * d01, v[9, j] + tx * d10, v[13, j] + tx * d11
        e0, e1 = e00 + ty * (e01 - e00), e10 + ty * (e11 - e10)
        d0, d1 = d00 + ty * (d01 - d00), d10 + ty * (d11 - d10)
        f0, f1 = e01 - e00, e11 - e10
        pi = sign * (e0 + tz * (e1 - e0))
        dxi = two * (d0 + tz * (d1 - d0))
        dyi = two * (f0 + tz * (f1 - f0))
        dzi = two * (e1 - e0)
        fx, fy = kx[j], ky[j]
        ur, ui = a20 * dxr + a21 * dyr + a22 * dzr, a20 * dxi + a21 * dyi + a22 * dzi
        vr = (a10 * dxr + a11 * dyr + a12 * dzr) * fx - (a00 * dxr + a01 * dyr + a02 * dzr) * fy
        vi = (a10 * dxi + a11 * dyi + a12 * dzi) * fx - (a00 * dxi + a01 * dyi + a02 * dzi) * fy
        br, bi = unit * pi, -unit * pr
        cr, ci = ramp[0, j], ramp[1, j]
        wt = ctf[j]
        w2 = wt * wt
        xr, xi = wt * (re[j] * cr - im[j] * ci), wt * (re[j] * ci + im[j] * cr)
        cross += xr * pr + xi * pi
        norm += w2 * (pr * pr + pi * pi)
        dr, di = xr - w2 * pr, xi - w2 * pi
        su, sv, sb = ur * dr + ui * di, vr * dr + vi * di, br * dr + bi * di
        r0 += su * fy
        r1 -= su * fx
        r2 += sv
        r3 += sb * fx
        r4 += sb * fy
        uu, uv, vv = w2 * (ur * ur + ui * ui), w2 * (ur * vr + ui * vi), w2 * (vr * vr + vi * vi)
        ub, vb, bb = w2 * (ur * br + ui * bi), w2 * (vr * br + vi * bi), w2 * (br * br + bi * bi)
        h00 += uu * fy * fy
        h01 -= uu * fx * fy
        h02 += uv * fy
        h03 += ub * fx * fy
        h04 += ub * fy * fy
        h11 += uu * fx * fx
        h12 -= uv * fx
        h13 -= ub * fx * fx
        h14 -= ub * fx * fy
        h22 += vv
        h23 += vb * fx
        h24 += vb * fy
        h33 += bb * fx * fx
        h34 += bb * fx * fy
        h44 += bb * fy * fy
    acc[0] += cross
    acc[1] += norm
    acc[2] += r0
    acc[3] += r1
    acc[4] += r2
    acc[5] += r3
    acc[6] += r4
    acc[7] += h00
    acc[8] += h01
    acc[9] += h02
    acc[10] += h03
    acc[11] += h04
    acc[12] += h11
    acc[13] += h12
    acc[14] += h13
    acc[15] += h14
    acc[16] += h22
    acc[17] += h23
    acc[18] += h24
    acc[19] += h33
    acc[20] += h34
    acc[21] += h44


@numba.njit(
    "void(f4[::1], i8, i8, i8[::1], f4[:,:,::1], f4[:,:,::1], f4, f4[:,:,::1], f4[:,::1], f4[::1], f4[::1],"
    " i4[::1], i4[::1], i8, i4[::1], f4[:,::1], f4[:,::1], f4[:,::1])",
    nogil=True, fastmath=True, cache=True,
)  # fmt: skip
def _sum(grid, ny, nx, rows, poses, tables, unit, planes, ctfs, kx, ky, ix, iy, count, at, corners, ramp, out):
    top = tables.shape[2] // 2
    size = at.shape[0]
    for job in range(len(rows)):
        row = rows[job]
        t = tables[job]
        for first in range(0, count, size):
            n = min(size, count - first)
            _corners(grid, ny, nx, poses[job], kx, ky, first, n, at, corners)
            for j in range(n):
                ox, oy = ix[first + j] + top, iy[first + j] + top
                ramp[0, j] = t[0, ox] * t[2, oy] - t[1, ox] * t[3, oy]
                ramp[1, j] = t[0, ox] * t[3, oy] + t[1, ox] * t[2, oy]
            _add(
                corners, ramp, poses[job], unit, planes[row, 0, first:], planes[row, 1, first:], ctfs[row, first:],
                kx[first:], ky[first:], n, out[job],
            )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sums:
    """Of j poses: cross and norm (j,), gradient J^T r (j, 5) and curvature J^T J (j, 5, 5); halves of those of log p.

    The five parameters are the turn (3, radians) and the shift (2, pixels).
    """

    cross: np.ndarray
    norm: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray


def evaluate(
    source: Reference, block: Block, rows: np.ndarray, poses: np.ndarray, shifts: np.ndarray, radius: int
) -> Sums:
    """Sums over the band of a radius for images `rows` (j,) of the block at poses (j, 3, 3) and shifts (j, 2).

    Where images are distorted, gradients are those of the undistorted k: off by as little as the distortion.
    """
    out = np.zeros((len(rows), _SLOTS), np.float32)
    grid, kx, ky = source.grid, block.kx, block.ky
    _sum(
        grid.reshape(-1), grid.shape[1], grid.shape[2], np.ascontiguousarray(rows, np.int64),
        np.ascontiguousarray(block.seen_from(rows, poses), np.float32), ramp_tables(shifts, radius + 1, block.band.box),
        np.float32(2 * np.pi / block.band.box), block.x, block.ctf, kx.astype(np.float32), ky.astype(np.float32),
        kx, ky, block.band.count(radius), np.empty(_CHUNK, np.int32), np.empty((21, _CHUNK), np.float32),
        np.empty((2, _CHUNK), np.float32), out,
    )  # fmt: skip
    sums = out.astype(np.float64)
    curvature = np.empty((len(rows), 5, 5))
    curvature[:, _ROW, _COLUMN] = curvature[:, _COLUMN, _ROW] = sums[:, 7:]
    return Sums(sums[:, 0], sums[:, 1], sums[:, 2:7], curvature)
