"""The likelihood of poses with its gradient and curvature, in one pass over the band (numba).

The pass goes by patches of the band, brick by brick of the volume: their corners are fetched from it first, then
everything else is arithmetic on whole vectors.

For a pose A (rows: the image's axes in the volume) turned by a small vector w in the image's frame,
``q(k) = A^T (k + w x k)``, so with the slice's gradient u = A[2].grad V and v = (A[1].grad V) kx - (A[0].grad V) ky
``dP/dw = (u ky, -u kx, v)``; a shift's derivative is ``-i (2 pi k / N) CTF P``.  Value and gradient of a trilinear
slice share their eight corners.  What is compiled here holds `cells.place`: a change of that wants this compiled again.
"""

from dataclasses import dataclass

import numpy as np

from spa.compiled import inner, kernel
from spa.search.images import Block
from spa.volume.cells import CHUNK, place, run_of
from spa.volume.patches import visits
from spa.volume.scatter import ramp_tables
from spa.volume.slices import Reference

_SLOTS = 22  # cross, norm, 5 of J^T r, 15 of J^T J (its upper triangle by rows)
_ROW, _COLUMN = np.triu_indices(5)
_RE, _IM = np.int64(5), np.int64(6)  # rows of the first corner: of a type, where bare numbers were a type each


@inner
def _corners(grid, ny, nx, poses, i, kx, ky, first, n, at, out):
    """The eight corners of n points of a slice, apart so that their arithmetic fills whole vectors.

    out (21, n): 0-4 what `place` gives, then corners (z, y, x, re/im).
    """
    place(poses, i, kx, ky, ny, nx, first, n, at, out)
    row, plane = 2 * nx, 2 * nx * ny
    for j in range(n):
        b = 2 * np.int64(at[j])
        for k in range(4):
            out[5 + k, j] = grid[b + k]
        for k in range(4):
            out[9 + k, j] = grid[b + row + k]
        for k in range(4):
            out[13 + k, j] = grid[b + plane + k]
        for k in range(4):
            out[17 + k, j] = grid[b + plane + row + k]


@inner
def _matched(tables, i, planes, ctfs, row, kx, ky, first, n, out):
    """Of n points of the band, from `first` on: CTF times the image moved back (re, im), CTF^2, kx and ky, (5, n)."""
    top = tables.shape[2] // 2
    for j in range(n):
        k = np.uint64(first + j)  # not counted from the end
        fx, fy, weight, re, im = kx[k], ky[k], ctfs[row, k], planes[row, 0, k], planes[row, 1, k]
        ox, oy = np.int32(fx) + top, np.int32(fy) + top
        ax, bx, ay, by = tables[i, 0, ox], tables[i, 1, ox], tables[i, 2, oy], tables[i, 3, oy]
        cr, ci = ax * ay - bx * by, ax * by + bx * ay
        out[0, j], out[1, j] = weight * (re * cr - im * ci), weight * (re * ci + im * cr)
        out[2, j], out[3, j], out[4, j] = weight * weight, fx, fy


@inner
def _cell(v, k, j, tx, ty, tz):
    """The value within the cell of point j, corners v[k], v[k + 2], …, and its slopes along x, y and z."""
    a, b, c, d = v[k, j], v[k + 4, j], v[k + 8, j], v[k + 12, j]
    d00, d01, d10, d11 = v[k + 2, j] - a, v[k + 6, j] - b, v[k + 10, j] - c, v[k + 14, j] - d
    e00, e01, e10, e11 = a + tx * d00, b + tx * d01, c + tx * d10, d + tx * d11
    f0, f1 = e01 - e00, e11 - e10
    e0, e1 = e00 + ty * f0, e10 + ty * f1
    d0, d1 = d00 + ty * (d01 - d00), d10 + ty * (d11 - d10)
    return e0 + tz * (e1 - e0), d0 + tz * (d1 - d0), f0 + tz * (f1 - f0), e1 - e0


@inner
def _add(v, x, poses, i, unit, n, acc):
    """The sums of n points, corners v and image x, at poses[i] added to acc[i]; unit: 2 pi / box."""
    zero, two = np.float32(0), np.float32(2)
    a00, a01, a02 = poses[i, 0, 0], poses[i, 0, 1], poses[i, 0, 2]
    a10, a11, a12 = poses[i, 1, 0], poses[i, 1, 1], poses[i, 1, 2]
    a20, a21, a22 = poses[i, 2, 0], poses[i, 2, 1], poses[i, 2, 2]
    cross = norm = r0 = r1 = r2 = r3 = r4 = zero
    h00 = h01 = h02 = h03 = h04 = h11 = h12 = h13 = h14 = h22 = h23 = h24 = h33 = h34 = h44 = zero
    for j in range(n):
        tx, ty, tz, sign = v[0, j], v[1, j], v[2, j], v[3, j]
        # derivatives are two cells a unit of k, and the half x < 0 is conjugate
        s2 = two * sign
        pr, dxr, dyr, dzr = _cell(v, _RE, j, tx, ty, tz)
        pi, dxi, dyi, dzi = _cell(v, _IM, j, tx, ty, tz)
        pi, dxr, dyr, dzr, dxi, dyi, dzi = sign * pi, s2 * dxr, s2 * dyr, s2 * dzr, two * dxi, two * dyi, two * dzi
        xr, xi, w2, fx, fy = x[0, j], x[1, j], x[2, j], x[3, j], x[4, j]
        ur, ui = a20 * dxr + a21 * dyr + a22 * dzr, a20 * dxi + a21 * dyi + a22 * dzi
        vr = (a10 * dxr + a11 * dyr + a12 * dzr) * fx - (a00 * dxr + a01 * dyr + a02 * dzr) * fy
        vi = (a10 * dxi + a11 * dyi + a12 * dzi) * fx - (a00 * dxi + a01 * dyi + a02 * dzi) * fy
        br, bi = unit * pi, -unit * pr
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
    sums = (cross, norm, r0, r1, r2, r3, r4, h00, h01, h02, h03, h04, h11, h12, h13, h14, h22, h23, h24, h33, h34,
            h44)  # fmt: skip
    for k in range(len(sums)):
        acc[i, k] += sums[k]


@kernel(
    "void(f4[::1], i8, i8, i4[::1], i8[::1], f4[:,:,::1], f4[:,:,::1], f4, f4[:,:,::1], f4[:,::1], f4[::1], f4[::1],"
    " i4[::1], f4[:,::1], f4[:,::1], f4[:,::1])",
    fastmath=True,
)  # fmt: skip
def _sum(grid, ny, nx, visits, rows, poses, tables, unit, planes, ctfs, kx, ky, at, corners, x, out):
    for visit in visits:
        i, first, n = run_of(visit, len(kx), len(at))
        _corners(grid, ny, nx, poses, i, kx, ky, first, n, at, corners)
        _matched(tables, i, planes, ctfs, rows[i], kx, ky, first, n, x)
        _add(corners, x, poses, i, unit, n, out)


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
    out, grid = np.zeros((len(rows), _SLOTS), np.float32), source.grid
    band, x, ctf = block.in_patches(block.band.count(radius))
    seen = np.ascontiguousarray(block.seen_from(rows, poses), np.float32)
    _sum(
        grid.reshape(-1), grid.shape[1], grid.shape[2], visits(grid, seen, band.kx, band.ky),
        np.ascontiguousarray(rows, np.int64), seen, ramp_tables(shifts, radius + 1, block.band.box),
        np.float32(2 * np.pi / block.band.box), x, ctf, band.kx, band.ky, np.empty(CHUNK, np.int32),
        np.empty((21, CHUNK), np.float32), np.empty((5, CHUNK), np.float32), out,
    )  # fmt: skip
    sums = out.astype(np.float64)
    curvature = np.empty((len(rows), 5, 5))
    curvature[:, _ROW, _COLUMN] = curvature[:, _COLUMN, _ROW] = sums[:, 7:]
    return Sums(sums[:, 0], sums[:, 1], sums[:, 2:7], curvature)
