"""Central slices with their slopes along x and y, from the same eight corners of a cell (numba)."""

import numpy as np

from spa.image.compiled import kernel
from spa.volume.slices import Reference


@kernel(
    "void(f4[:,:,:,::1], f4[:,:,::1], f4[::1], f4[::1], f4[:,:,::1], f4[:,:,:,::1])", fastmath=True,
)  # fmt: skip
def _gather(grid, poses, kx, ky, out, slope):
    c = grid.shape[0] // 2
    one, two, zero = np.float32(1), np.float32(2), np.float32(0)
    for i in range(poses.shape[0]):
        a00, a01, a02 = two * poses[i, 0, 0], two * poses[i, 0, 1], two * poses[i, 0, 2]
        a10, a11, a12 = two * poses[i, 1, 0], two * poses[i, 1, 1], two * poses[i, 1, 2]
        for j in range(kx.shape[0]):
            x = kx[j] * a00 + ky[j] * a10
            y = kx[j] * a01 + ky[j] * a11
            z = kx[j] * a02 + ky[j] * a12
            sign = one
            if x < 0:
                x, y, z, sign = -x, -y, -z, -one
            ix, iy, iz = int(x), int(np.floor(y)), int(np.floor(z))
            fx, fy, fz = x - np.float32(ix), y - np.float32(iy), z - np.float32(iz)
            ix = min(ix, grid.shape[2] - 2)  # slices of distorted images may reach over the edge
            iy = max(min(iy + c, grid.shape[1] - 2), 0)
            iz = max(min(iz + c, grid.shape[0] - 2), 0)
            re = im = xr = xi = yr = yi = zr = zi = zero
            for dz in range(2):
                wz, sz = (fz, one) if dz else (one - fz, -one)
                for dy in range(2):
                    wy, sy = (fy, one) if dy else (one - fy, -one)
                    r0, i0 = grid[iz + dz, iy + dy, ix, 0], grid[iz + dz, iy + dy, ix, 1]
                    dr, di = grid[iz + dz, iy + dy, ix + 1, 0] - r0, grid[iz + dz, iy + dy, ix + 1, 1] - i0
                    r0, i0 = r0 + fx * dr, i0 + fx * di
                    w, v, u = wz * wy, wz * sy, wy * sz
                    re += w * r0
                    im += w * i0
                    xr += w * dr
                    xi += w * di
                    yr += v * r0
                    yi += v * i0
                    zr += u * r0
                    zi += u * i0
            out[i, 0, j] = re
            out[i, 1, j] = sign * im
            slope[i, 0, 0, j] = sign * (a00 * xr + a01 * yr + a02 * zr)
            slope[i, 0, 1, j] = a00 * xi + a01 * yi + a02 * zi
            slope[i, 1, 0, j] = sign * (a10 * xr + a11 * yr + a12 * zr)
            slope[i, 1, 1, j] = a10 * xi + a11 * yi + a12 * zi


def tangents(source: Reference, poses: np.ndarray, kx: np.ndarray, ky: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slices (n, 2, K) float32 at poses (n, 3, 3) and frequencies kx, ky (K,) in cycles a box, as `slices.slices` has
    them, and what they change a cycle a box along x and along y (n, 2, 2, K), within their cells."""
    n, size = len(poses), len(kx)
    out, slope = np.empty((n, 2, size), np.float32), np.empty((n, 2, 2, size), np.float32)
    _gather(source.grid, np.ascontiguousarray(poses, np.float32), np.float32(kx), np.float32(ky), out, slope)
    return out, slope
