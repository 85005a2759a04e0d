"""Local refinement of candidate poses: Gauss-Newton in rotation and shift over growing bands (numba).

For a pose A (rows: the image's axes in the volume) turned by a small vector w in the image's frame,
``q(k) = A^T (k + w x k)``, so with the slice's gradient u = A[2].grad V and v = (A[1].grad V) kx - (A[0].grad V) ky
``dP/dw = (u ky, -u kx, v)``; a shift's derivative is ``-i (2 pi k / N) CTF P``.
One pass over the band gives the likelihood, its gradient and J^T J: value and gradient share their eight corners.
"""

from dataclasses import dataclass

import numba
import numpy as np

from spa.search.images import Block
from spa.volume.slices import Reference

# slots of the sums of one evaluation: cross, norm, 5 of J^T r, 15 of J^T J (upper triangle by rows)
_SLOTS = 22
_UPPER = np.array([(a, b) for a in range(5) for b in range(a, 5)], np.int64)


@dataclass(frozen=True)
class Stage:
    """One band of the refinement: shells, iterations, candidates kept on entry, largest turn (rad) and move (px)."""

    radius: int
    iterations: int
    keep: int
    turn: float
    move: float


@dataclass(frozen=True, eq=False)
class Modes:
    """The poses that survive for each image, best first; unused places have log p = -inf.

    poses (n, m, 3, 3) float64, shifts (n, m, 2) pixels, logp (n, m), hessian (n, m, 5, 5) = -d2 log p
    over (turn x 3 in radians, shift x 2 in pixels), evaluations (n,).
    """

    poses: np.ndarray
    shifts: np.ndarray
    logp: np.ndarray
    hessian: np.ndarray
    evaluations: np.ndarray


@numba.njit(
    "void(f4[:,:,:,::1], f8[:,::1], f8[::1], f4[:,::1], f4[::1], i4[::1], i4[::1], i8, f4, f4[:,::1], f4[::1])",
    nogil=True, fastmath=True, cache=True,
)  # fmt: skip
def _evaluate(grid, pose, shift, x, ctf, kx, ky, count, box, table, sums):
    one, two = np.float32(1), np.float32(2)
    c = grid.shape[0] // 2
    a00, a01, a02 = np.float32(pose[0, 0]), np.float32(pose[0, 1]), np.float32(pose[0, 2])
    a10, a11, a12 = np.float32(pose[1, 0]), np.float32(pose[1, 1]), np.float32(pose[1, 2])
    a20, a21, a22 = np.float32(pose[2, 0]), np.float32(pose[2, 1]), np.float32(pose[2, 2])
    unit = np.float32(2 * np.pi) / box
    top = table.shape[1] // 2
    for j in range(table.shape[1]):
        ax, ay = unit * np.float32((j - top) * shift[0]), unit * np.float32((j - top) * shift[1])
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
        ur, ui = a20 * dxr + a21 * dyr + a22 * dzr, a20 * dxi + a21 * dyi + a22 * dzi
        vr = (a10 * dxr + a11 * dyr + a12 * dzr) * fx - (a00 * dxr + a01 * dyr + a02 * dzr) * fy
        vi = (a10 * dxi + a11 * dyi + a12 * dzi) * fx - (a00 * dxi + a01 * dyi + a02 * dzi) * fy
        br, bi = unit * pi, -unit * pr  # -i (2 pi / N) P
        ox, oy = kx[j] + top, ky[j] + top
        cr = table[0, ox] * table[2, oy] - table[1, ox] * table[3, oy]
        ci = table[0, ox] * table[3, oy] + table[1, ox] * table[2, oy]
        weight = ctf[j]
        w2 = weight * weight
        xr, xi = weight * (x[0, j] * cr - x[1, j] * ci), weight * (x[0, j] * ci + x[1, j] * cr)
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
    sums[0], sums[1] = cross, norm
    sums[2], sums[3], sums[4], sums[5], sums[6] = r0, r1, r2, r3, r4
    sums[7], sums[8], sums[9], sums[10], sums[11] = h00, h01, h02, h03, h04
    sums[12], sums[13], sums[14], sums[15] = h11, h12, h13, h14
    sums[16], sums[17], sums[18] = h22, h23, h24
    sums[19], sums[20], sums[21] = h33, h34, h44


@numba.njit("f8(f4[::1], f8[::1], f8[::1], f8)", nogil=True, cache=True)
def _logp(sums, shift, centre, precision):
    dx, dy = shift[0] - centre[0], shift[1] - centre[1]
    return 2 * np.float64(sums[0]) - np.float64(sums[1]) - 0.5 * precision * (dx * dx + dy * dy)


@numba.njit("void(f4[::1], f8, f8, f8[:,::1])", nogil=True, cache=True)
def _matrix(sums, precision, damping, out):
    """J^T J + prior (half of -d2 log p), with Levenberg damping of the diagonal."""
    slot = 7
    for a in range(5):
        for b in range(a, 5):
            out[a, b] = out[b, a] = sums[slot]
            slot += 1
    out[3, 3] += 0.5 * precision
    out[4, 4] += 0.5 * precision
    for a in range(5):
        out[a, a] = out[a, a] * (1 + damping) + 1e-9


@numba.njit("b1(f8[:,::1], f8[::1])", nogil=True, cache=True)
def _solve(h, g):
    """g <- h^-1 g by Cholesky, h overwritten; false when h is not positive."""
    for a in range(5):
        for b in range(a + 1):
            s = h[a, b]
            for k in range(b):
                s -= h[a, k] * h[b, k]
            if a == b:
                if s <= 0:
                    return False
                h[a, a] = np.sqrt(s)
            else:
                h[a, b] = s / h[b, b]
    for a in range(5):
        for k in range(a):
            g[a] -= h[a, k] * g[k]
        g[a] /= h[a, a]
    for a in range(4, -1, -1):
        for k in range(a + 1, 5):
            g[a] -= h[k, a] * g[k]
        g[a] /= h[a, a]
    return True


@numba.njit("void(f8[:,::1], f8, f8, f8, f8[:,::1])", nogil=True, cache=True)
def _turned(pose, w0, w1, w2, out):
    """out = E(w)^T pose: the pose turned by w in the image's frame (Rodrigues)."""
    angle = np.sqrt(w0 * w0 + w1 * w1 + w2 * w2)
    if angle < 1e-12:
        out[:] = pose
        return
    x, y, z = w0 / angle, w1 / angle, w2 / angle
    c, s = np.cos(angle), np.sin(angle)
    for k in range(3):
        p0, p1, p2 = pose[0, k], pose[1, k], pose[2, k]
        dot = (x * p0 + y * p1 + z * p2) * (1 - c)
        out[0, k] = c * p0 - s * (y * p2 - z * p1) + x * dot
        out[1, k] = c * p1 - s * (z * p0 - x * p2) + y * dot
        out[2, k] = c * p2 - s * (x * p1 - y * p0) + z * dot


@numba.njit("b1(f8[:,::1], f8[:,::1], f8[:,:,::1], f8)", nogil=True, cache=True)
def _same(a, b, operators, least_trace):
    """Whether two poses lie within an angle (as the trace of their quotient) of each other, over the operators."""
    for g in range(operators.shape[0]):
        trace = 0.0
        for i in range(3):
            for k in range(3):
                turned = 0.0
                for m in range(3):
                    turned += b[i, m] * operators[g, m, k]
                trace += a[i, k] * turned
        if trace > least_trace:
            return True
    return False


@numba.njit(
    "i8(f8[:,:,::1], f8[:,::1], f8[::1], f4[:,::1], i8, i8, f8[:,:,::1], f8, f8, f8)", nogil=True, cache=True
)  # fmt: skip
def _prune(poses, shifts, logp, sums, count, keep, operators, slack, least_trace, near):
    """Best first; what is hopeless (slack below the best) or the same as a better one goes. How many are left."""
    order = np.argsort(-logp[:count])
    held, held_t, held_l, held_s = poses[order].copy(), shifts[order].copy(), logp[order].copy(), sums[order].copy()
    left = 0
    for i in range(count):
        if left >= keep or held_l[i] < held_l[0] - slack:
            break
        new = True
        for j in range(left):
            dx, dy = held_t[i, 0] - shifts[j, 0], held_t[i, 1] - shifts[j, 1]
            if dx * dx + dy * dy < near * near and _same(held[i], poses[j], operators, least_trace):
                new = False
                break
        if new:
            poses[left], shifts[left], logp[left], sums[left] = held[i], held_t[i], held_l[i], held_s[i]
            left += 1
    return left


@numba.njit(
    "i8(f4[:,:,:,::1], f8[:,::1], f8[::1], f8[::1], f8, f4[:,::1], f4[::1], i4[::1], i4[::1], i8, f4, i8, f8, f8,"
    " f4[:,::1], f4[::1])",
    nogil=True, cache=True,
)  # fmt: skip
def _climb(grid, pose, shift, centre, precision, x, ctf, kx, ky, count, box, iterations, turn, move, table, sums):
    """Gauss-Newton from one pose, in place; sums are left at the last accepted pose. Evaluations made."""
    trial, trial_t, trial_s = np.empty((3, 3)), np.empty(2), np.empty(_SLOTS, np.float32)
    h, g = np.empty((5, 5)), np.empty(5)
    _evaluate(grid, pose, shift, x, ctf, kx, ky, count, box, table, sums)
    made, damping, best = 1, 0.0, _logp(sums, shift, centre, precision)
    for _ in range(iterations):
        _matrix(sums, precision, damping, h)
        for a in range(5):
            g[a] = sums[2 + a]
        g[3] -= 0.5 * precision * (shift[0] - centre[0])
        g[4] -= 0.5 * precision * (shift[1] - centre[1])
        if not _solve(h, g):
            break
        angle, length = np.sqrt(g[0] ** 2 + g[1] ** 2 + g[2] ** 2), np.sqrt(g[3] ** 2 + g[4] ** 2)
        cut = min(1.0, turn / max(angle, 1e-30))
        cut_t = min(1.0, move / max(length, 1e-30))
        _turned(pose, cut * g[0], cut * g[1], cut * g[2], trial)
        trial_t[0], trial_t[1] = shift[0] + cut_t * g[3], shift[1] + cut_t * g[4]
        _evaluate(grid, trial, trial_t, x, ctf, kx, ky, count, box, table, trial_s)
        made += 1
        found = _logp(trial_s, trial_t, centre, precision)
        if found > best:
            gain = found - best
            pose[:], shift[:], sums[:], best = trial, trial_t, trial_s, found
            damping *= 0.25
            if gain < 0.02:
                break
        else:
            if best - found < 0.02:
                break
            damping = max(0.1, damping * 8)
    return made


@numba.njit(
    "void(f4[:,:,:,::1], f8[:,:,:,::1], f8[:,:,::1], f8[:,::1], f8, f4[:,:,::1], f4[:,::1], i4[::1], i4[::1], f4,"
    " f8[:,::1], f8[:,:,::1], f8, f8, f8[:,::1], f8[:,:,:,::1], i8[::1])",
    nogil=True, cache=True,
)  # fmt: skip
def _refine(
    grid, poses, shifts, centres, precision, x, ctf, kx, ky, box, stages, operators, slack, near, logp, hessian, made
):
    m = poses.shape[1]
    sums = np.zeros((m, _SLOTS), np.float32)
    table = np.empty((4, 2 * (np.max(kx) + 1) + 1), np.float32)
    for i in range(poses.shape[0]):
        left = m
        for j in range(m):
            if logp[i, j] == -np.inf:
                left = j
                break
        for s in range(stages.shape[0]):
            count, iterations, keep = int(stages[s, 0]), int(stages[s, 1]), int(stages[s, 2])
            if s > 0 or left > keep:
                left = _prune(poses[i], shifts[i], logp[i], sums, left, keep, operators, slack, stages[s, 5], near)
            for j in range(left):
                made[i] += _climb(
                    grid, poses[i, j], shifts[i, j], centres[i], precision, x[i], ctf[i], kx, ky, count, box,
                    iterations, stages[s, 3], stages[s, 4], table, sums[j],
                )  # fmt: skip
                logp[i, j] = _logp(sums[j], shifts[i, j], centres[i], precision)
        left = _prune(poses[i], shifts[i], logp[i], sums, left, left, operators, slack, stages[-1, 5], near)
        for j in range(left):
            _matrix(sums[j], precision, 0.0, hessian[i, j])
            hessian[i, j] *= 2
        logp[i, left:] = -np.inf


def refine(
    source: Reference, block: Block, poses: np.ndarray, shifts: np.ndarray, logp: np.ndarray, stages: list[Stage],
    shift_sigma: float, operators: np.ndarray, centres: np.ndarray | None = None, slack: float = 14.0,
) -> Modes:  # fmt: skip
    """Refine candidates poses (n, m, 3, 3), shifts (n, m, 2); logp (n, m), -inf where there is none, best first.

    The prior on shifts is Gaussian of shift_sigma pixels about centres (n, 2), default 0. Between stages candidates
    `slack` below the best and duplicates (over the operators) go.
    """
    n, m = logp.shape
    poses, shifts = np.array(poses, np.float64), np.array(shifts, np.float64)
    logp, hessian, made = np.array(logp, np.float64), np.zeros((n, m, 5, 5)), np.zeros(n, np.int64)
    rows = [
        (block.band.count(s.radius), s.iterations, s.keep, s.turn, s.move,
         1 + 2 * np.cos(min(np.deg2rad(4), 0.5 / s.radius)))
        for s in stages
    ]  # fmt: skip
    centres = np.zeros((n, 2)) if centres is None else np.ascontiguousarray(centres, np.float64)
    _refine(
        source.grid, poses, shifts, centres, 1 / shift_sigma**2, block.x, block.ctf, block.kx, block.ky,
        np.float32(block.band.box), np.array(rows, np.float64), np.array(operators, np.float64),
        slack, 0.7, logp, hessian, made,
    )  # fmt: skip
    best = max(1, int((logp > -np.inf).sum(axis=1).max()))
    return Modes(poses[:, :best], shifts[:, :best], logp[:, :best], hessian[:, :best], made)
