"""Sums on the oversampled half grid added up at turns that leave each plane z where it is, or where -z was (numba).

Along a row of a plane turned points lie on a line, on one side of x = 0 in one run of columns and on the other beyond:
there is nothing to decide for a point, and many are looked up at once.
"""

import numpy as np

from spa.compiled import inner, kernel
from spa.volume.orbits import span


@inner
def _ahead(slope, rest, first, end):
    """Columns of first ... end - 1 where slope x + rest is not negative: one run."""
    low, high = np.float64(first), np.float64(end)
    if slope > 0:
        low = min(max(np.ceil(-rest / slope), low), high)
    elif slope < 0:
        high = min(max(np.floor(-rest / slope) + 1, low), high)
    elif rest < 0:
        high = low
    return np.int64(low), np.int64(high)


@inner
def _added(plane, width, middle, turn, sign, y, first, end, found):
    """Columns of the row y: what a plane (flat) has where a turn and a sign carry them, to found (3, columns)."""
    one, down, three = np.float32(1), np.uint64(3 * width), np.uint64(3)
    ax, ay = sign * turn[0, 0], sign * turn[1, 0]
    bx, by = sign * turn[0, 1] * np.float32(y), sign * turn[1, 1] * np.float32(y)
    for x in range(first, end):
        qx, qy = ax * np.float32(x) + bx, ay * np.float32(x) + by
        ix, iy = np.int32(qx), np.int32(np.floor(qy))
        fx, fy = qx - np.float32(ix), qy - np.float32(iy)
        at = np.uint64(iy + middle) * down + np.uint64(ix) * three
        w01, w11 = fx * (one - fy), fx * fy
        w00, w10 = one - fy - w01, fy - w11
        for part in range(3):
            p = at + np.uint64(part)
            here, there = w00 * plane[p] + w01 * plane[p + three], w10 * plane[p + down] + w11 * plane[p + down + three]
            found[part, x] += sign * (here + there) if part == 1 else here + there


@kernel("void(f4[:,::1], f4[:,:,::1], f4[:,:,::1], i8[:,::1], i8, i8, f4[:,::1])", fastmath=True)
def spun(planes, out, turns, normals, limit, z, found):
    """out (y, x, re/im/weight), the plane z from the middle one: planes (n, flat) at each turn (g, 3, 3), bilinear,
    added.

    Where it is in the wedge of some normals (m, 3), and within a squared radius; 0 elsewhere. found (3, x): room.
    """
    n, width = out.shape[0], out.shape[1]
    c, one = np.int32(n // 2), np.float32(1)
    out[:] = 0
    for y in range(-c, c + 1):
        first, end = span(normals, y, z, limit, width - 2)
        found[:] = 0
        for g in range(turns.shape[0]):
            turn, up = turns[g], z if turns[g, 2, 2] > 0 else -z
            low, high = _ahead(turn[0, 0], turn[0, 1] * y, first, end)
            _added(planes[c + up], width, c, turn, one, y, low, high, found)
            _added(planes[c - up], width, c, turn, -one, y, first, low, found)
            _added(planes[c - up], width, c, turn, -one, y, high, end, found)
        for x in range(first, end):
            for part in range(3):
                out[y + c, x, part] = found[part, x]
