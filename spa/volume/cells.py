"""Where the coefficients of a slice lie in the oversampled half grid (numba): shared by slicing and insertion."""

import numpy as np

from spa.compiled import inner

CHUNK = 128  # coefficients that are worked on together: what they touch stays in the first caches
LARGE = 2**22  # numbers of a grid, of which the caches hold little


@inner
def place(poses, i, kx, ky, ny, nx, first, n, at, out):
    """Cells of n coefficients, from `first` on, of the slice at poses[i]: at (n,), the first point of each.

    out (5 or more, n): 0-2 how far into the cell (x, y, z), 3 the half's sign, 4 the plane.
    """
    one, two, c = np.float32(1), np.float32(2), np.float32(ny // 2)
    a00, a01, a02 = two * poses[i, 0, 0], two * poses[i, 0, 1], two * poses[i, 0, 2]
    a10, a11, a12 = two * poses[i, 1, 0], two * poses[i, 1, 1], two * poses[i, 1, 2]
    zero, height, width = np.int32(0), np.int32(ny - 2), np.int32(nx - 2)
    across, down = np.int32(nx), np.int32(ny)
    for j in range(n):
        fx, fy = kx[first + j], ky[first + j]
        x, y, z = fx * a00 + fy * a10, fx * a01 + fy * a11, fx * a02 + fy * a12
        sign = one if x >= np.float32(0) else -one
        x, y, z = x * sign, y * sign + c, z * sign + c
        ix, iy, iz = np.int32(x), np.int32(y), np.int32(z)
        # slices of distorted images may reach over the edge, with no weight: they stay inside
        ix = ix if ix < width else width
        iy = iy if iy < height else height
        iz = iz if iz < height else height
        iy = iy if iy > zero else zero
        iz = iz if iz > zero else zero
        out[0, j], out[1, j], out[2, j] = x - np.float32(ix), y - np.float32(iy), z - np.float32(iz)
        out[3, j], out[4, j] = sign, np.float32(iz)
        at[j] = (iz * down + iy) * across + ix


@inner
def run_of(visit, count, size):
    """Of a visit (`patches.visits`) to a band of count coefficients: its slice, its run's first of them, how many."""
    runs = (count + size - 1) // size
    i = visit // runs
    first = size * (visit - runs * i)
    return i, first, size if first + size <= count else count - first


@inner
def fetched(grid, row, plane, at, n):
    """A sum, without meaning, of what lies at the corners of n cells, from which a slice is about to be made.

    Nothing here waits for another load: many are under way at once, and the caches have the cells when they are used.
    Small grids are left alone: they are there. grid: flat, of complex numbers; row, plane: from one to the next,
    without sign (uint64).
    """
    total = np.float32(0)
    if len(grid) <= LARGE:
        return total
    for j in range(n):
        b = np.uint64(2) * np.uint64(at[j])
        total += grid[b] + grid[b + row] + grid[b + plane] + grid[b + plane + row]
        b += np.uint64(3)
        total += grid[b] + grid[b + row] + grid[b + plane] + grid[b + plane + row]
    return total
