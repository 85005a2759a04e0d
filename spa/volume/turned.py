"""Sums on the oversampled half grid added up at several operators (numba)."""

import numpy as np

from spa.compiled import kernel
from spa.volume.orbits import carried, span


@kernel("void(f4[:,:,:,::1], f4[:,:,:,::1], f4[:,:,::1], i8[:,::1], i8, i8, i8)", fastmath=True)
def average(grid, out, operators, normals, limit, z0, z1):
    """out (z, y, x, re/im/weight) in planes z0 ... z1 - 1: the grid at each operator (g, 3, 3), trilinear, added.

    Where it is in the wedge of some normals (m, 3), and within a squared radius.
    """
    n = grid.shape[0]
    c = n // 2
    one = np.float32(1)
    for z in range(z0, z1):
        for y in range(n):
            first, end = span(normals, y - c, z - c, limit, grid.shape[2] - 2)
            for x in range(first, end):
                px, py, pz = np.float32(x), np.float32(y - c), np.float32(z - c)
                re = np.float32(0)
                im = np.float32(0)
                w = np.float32(0)
                for g in range(operators.shape[0]):
                    qx, qy, qz, sign = carried(operators[g], px, py, pz)
                    ix, iy, iz = int(qx), int(np.floor(qy)), int(np.floor(qz))
                    fx, fy, fz = qx - np.float32(ix), qy - np.float32(iy), qz - np.float32(iz)
                    iy += c
                    iz += c
                    if fx == 0 and fy == 0 and fz == 0:
                        re += grid[iz, iy, ix, 0]
                        im += sign * grid[iz, iy, ix, 1]
                        w += grid[iz, iy, ix, 2]
                        continue
                    for dz in range(2):
                        wz = fz if dz else one - fz
                        if wz == 0:  # turns about z stay in the plane
                            continue
                        for dy in range(2):
                            wy = wz * (fy if dy else one - fy)
                            w0, w1 = wy * (one - fx), wy * fx
                            re += w0 * grid[iz + dz, iy + dy, ix, 0] + w1 * grid[iz + dz, iy + dy, ix + 1, 0]
                            im += sign * (w0 * grid[iz + dz, iy + dy, ix, 1] + w1 * grid[iz + dz, iy + dy, ix + 1, 1])
                            w += w0 * grid[iz + dz, iy + dy, ix, 2] + w1 * grid[iz + dz, iy + dy, ix + 1, 2]
                out[z, y, x, 0] = re
                out[z, y, x, 1] = im
                out[z, y, x, 2] = w
