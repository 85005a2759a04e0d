"""The likelihood of poses with its gradient and curvature, in one pass over the band (numba).

For a pose A (rows: the image's axes in the volume) turned by a small vector w in the image's frame,
``q(k) = A^T (k + w x k)``, so with the slice's gradient u = A[2].grad V and v = (A[1].grad V) kx - (A[0].grad V) ky
``dP/dw = (u ky, -u kx, v)``; a shift's derivative is ``-i (2 pi k / N) CTF P``.  Value and gradient of a trilinear
slice share their eight corners.
"""

from dataclasses import dataclass

import numba
import numpy as np

from spa.search.images import Block
from spa.volume.slices import Reference

_SLOTS = 22  # cross, norm, 5 of J^T r, 15 of J^T J (its upper triangle by rows)
_ROW, _COLUMN = np.triu_indices(5)


@numba.njit("UniTuple(f4, 8)(f4[:,:,:,::1], f4, f4, f4)", nogil=True, fastmath=True, cache=True)
def _value_and_gradient(grid, qx, qy, qz):
    """Of the trilinear transform at a point of the padded grid: re, im, then d/dx, d/dy, d/dz of each."""
    one, two = np.float32(1), np.float32(2)
    c = grid.shape[0] // 2
    sign = one
    if qx < 0:
        qx, qy, qz, sign = -qx, -qy, -qz, -one
    ix, iy, iz = int(qx), int(np.floor(qy)), int(np.floor(qz))
    tx, ty, tz = qx - np.float32(ix), qy - np.float32(iy), qz - np.float32(iz)
    iy += c
    iz += c
    sx, sy, sz = one - tx, one - ty, one - tz
    # corners: n(z)(y)(x)
    e000, e001 = grid[iz, iy, ix, 0], grid[iz, iy, ix + 1, 0]
    e010, e011 = grid[iz, iy + 1, ix, 0], grid[iz, iy + 1, ix + 1, 0]
    e100, e101 = grid[iz + 1, iy, ix, 0], grid[iz + 1, iy, ix + 1, 0]
    e110, e111 = grid[iz + 1, iy + 1, ix, 0], grid[iz + 1, iy + 1, ix + 1, 0]
    m000, m001 = grid[iz, iy, ix, 1], grid[iz, iy, ix + 1, 1]
    m010, m011 = grid[iz, iy + 1, ix, 1], grid[iz, iy + 1, ix + 1, 1]
    m100, m101 = grid[iz + 1, iy, ix, 1], grid[iz + 1, iy, ix + 1, 1]
    m110, m111 = grid[iz + 1, iy + 1, ix, 1], grid[iz + 1, iy + 1, ix + 1, 1]
    e00, e01 = sx * e000 + tx * e001, sx * e010 + tx * e011
    e10, e11 = sx * e100 + tx * e101, sx * e110 + tx * e111
    m00, m01 = sx * m000 + tx * m001, sx * m010 + tx * m011
    m10, m11 = sx * m100 + tx * m101, sx * m110 + tx * m111
    e0, e1 = sy * e00 + ty * e01, sy * e10 + ty * e11
    m0, m1 = sy * m00 + ty * m01, sy * m10 + ty * m11
    pr = sz * e0 + tz * e1
    pi = sign * (sz * m0 + tz * m1)
    # derivatives along the padded grid's axes, two cells a unit of k; the half with x < 0 is conjugate
    ez0, ez1 = sy * (e001 - e000) + ty * (e011 - e010), sy * (e101 - e100) + ty * (e111 - e110)
    mz0, mz1 = sy * (m001 - m000) + ty * (m011 - m010), sy * (m101 - m100) + ty * (m111 - m110)
    dxr, dxi = sign * two * (sz * ez0 + tz * ez1), two * (sz * mz0 + tz * mz1)
    dyr = sign * two * (sz * (e01 - e00) + tz * (e11 - e10))
    dyi = two * (sz * (m01 - m00) + tz * (m11 - m10))
    dzr = sign * two * (e1 - e0)
    dzi = two * (m1 - m0)
    return pr, pi, dxr, dxi, dyr, dyi, dzr, dzi


@numba.njit(
    "void(f4[:,:,:,::1], i8[::1], f8[:,:,::1], f8[:,::1], f4[:,:,::1], f4[:,::1], i4[::1], i4[::1], i8, f4, f4[:,::1])",
    nogil=True,
    fastmath=True,
    cache=True,
)
def _sum(grid, rows, poses, shifts, planes, ctfs, kx, ky, count, box, out):
    two = np.float32(2)
    top = np.max(kx[:count]) + 1
    table = np.empty((4, 2 * top + 1), np.float32)
    unit = np.float32(2 * np.pi) / box
    for job in range(len(rows)):
        row = rows[job]
        a00, a01, a02 = np.float32(poses[job, 0, 0]), np.float32(poses[job, 0, 1]), np.float32(poses[job, 0, 2])
        a10, a11, a12 = np.float32(poses[job, 1, 0]), np.float32(poses[job, 1, 1]), np.float32(poses[job, 1, 2])
        a20, a21, a22 = np.float32(poses[job, 2, 0]), np.float32(poses[job, 2, 1]), np.float32(poses[job, 2, 2])
        for j in range(table.shape[1]):
            ax, ay = unit * np.float32((j - top) * shifts[job, 0]), unit * np.float32((j - top) * shifts[job, 1])
            table[0, j], table[1, j] = np.cos(ax), np.sin(ax)
            table[2, j], table[3, j] = np.cos(ay), np.sin(ay)
        cross, norm = np.float32(0), np.float32(0)
        r0, r1, r2, r3, r4 = np.float32(0), np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        h00, h01, h02, h03, h04 = np.float32(0), np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        h11, h12, h13, h14 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        h22, h23, h24 = np.float32(0), np.float32(0), np.float32(0)
        h33, h34, h44 = np.float32(0), np.float32(0), np.float32(0)
        for j in range(count):
            fx, fy = np.float32(kx[j]), np.float32(ky[j])
            qx = two * (fx * a00 + fy * a10)
            qy = two * (fx * a01 + fy * a11)
            qz = two * (fx * a02 + fy * a12)
            pr, pi, dxr, dxi, dyr, dyi, dzr, dzi = _value_and_gradient(grid, qx, qy, qz)
            ur, ui = a20 * dxr + a21 * dyr + a22 * dzr, a20 * dxi + a21 * dyi + a22 * dzi
            vr = (a10 * dxr + a11 * dyr + a12 * dzr) * fx - (a00 * dxr + a01 * dyr + a02 * dzr) * fy
            vi = (a10 * dxi + a11 * dyi + a12 * dzi) * fx - (a00 * dxi + a01 * dyi + a02 * dzi) * fy
            br, bi = unit * pi, -unit * pr  # -i (2 pi / N) P
            ox, oy = kx[j] + top, ky[j] + top
            cr = table[0, ox] * table[2, oy] - table[1, ox] * table[3, oy]
            ci = table[0, ox] * table[3, oy] + table[1, ox] * table[2, oy]
            weight = ctfs[row, j]
            w2 = weight * weight
            xr, xi = (
                weight * (planes[row, 0, j] * cr - planes[row, 1, j] * ci),
                weight * (planes[row, 0, j] * ci + planes[row, 1, j] * cr),
            )
            cross += xr * pr + xi * pi
            norm += w2 * (pr * pr + pi * pi)
            dr, di = xr - w2 * pr, xi - w2 * pi  # CTF times the residual
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
        out[job, 0], out[job, 1] = cross, norm
        out[job, 2], out[job, 3], out[job, 4], out[job, 5], out[job, 6] = r0, r1, r2, r3, r4
        out[job, 7], out[job, 8], out[job, 9], out[job, 10], out[job, 11] = h00, h01, h02, h03, h04
        out[job, 12], out[job, 13], out[job, 14], out[job, 15] = h11, h12, h13, h14
        out[job, 16], out[job, 17], out[job, 18] = h22, h23, h24
        out[job, 19], out[job, 20], out[job, 21] = h33, h34, h44


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
    """Sums over the band of a radius for images `rows` (j,) of the block at poses (j, 3, 3) and shifts (j, 2)."""
    out = np.empty((len(rows), _SLOTS), np.float32)
    _sum(
        source.grid, np.ascontiguousarray(rows, np.int64), np.ascontiguousarray(poses, np.float64),
        np.ascontiguousarray(shifts, np.float64), block.x, block.ctf, block.kx, block.ky, block.band.count(radius),
        np.float32(block.band.box), out,
    )  # fmt: skip
    sums = out.astype(np.float64)
    curvature = np.empty((len(rows), 5, 5))
    curvature[:, _ROW, _COLUMN] = curvature[:, _COLUMN, _ROW] = sums[:, 7:]
    return Sums(sums[:, 0], sums[:, 1], sums[:, 2:7], curvature)
