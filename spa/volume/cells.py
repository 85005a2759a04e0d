"""Where the coefficients of a slice lie in the oversampled half grid (numba): shared by slicing and insertion."""

from typing import Any

import numba
import numpy as np

INNER: dict[str, Any] = {
    "nogil": True,
    "fastmath": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


@numba.njit("void(f4[:,::1], f4[::1], f4[::1], i8, i8, i8, i8, i8, i4[::1], f4[:,::1])", cache=True, **INNER)
def place(pose, kx, ky, ny, nx, floats, first, n, at, out):
    """Cells of n coefficients of a slice in a flat grid of so many floats a point: at (n,) the first float of each.

    out (5 or more, n): 0-2 how far into the cell (x, y, z), 3 the half's sign, 4 the plane.
    """
    one, two, c = np.float32(1), np.float32(2), np.float32(ny // 2)
    a00, a01, a02 = two * pose[0, 0], two * pose[0, 1], two * pose[0, 2]
    a10, a11, a12 = two * pose[1, 0], two * pose[1, 1], two * pose[1, 2]
    height, width, each = np.int32(ny), np.int32(nx), np.int32(floats)
    for j in range(n):
        fx, fy = kx[first + j], ky[first + j]
        x, y, z = fx * a00 + fy * a10, fx * a01 + fy * a11, fx * a02 + fy * a12
        sign = one if x >= np.float32(0) else -one
        x, y, z = x * sign, y * sign + c, z * sign + c
        # slices of distorted images may reach over the edge, with no weight: they stay inside
        ix = min(np.int32(x), width - np.int32(2))
        iy = max(min(np.int32(y), height - np.int32(2)), np.int32(0))
        iz = max(min(np.int32(z), height - np.int32(2)), np.int32(0))
        out[0, j], out[1, j], out[2, j] = x - np.float32(ix), y - np.float32(iy), z - np.float32(iz)
        out[3, j], out[4, j] = sign, np.float32(iz)
        at[j] = ((iz * height + iy) * width + ix) * each
