"""How far voxels lie from what is inside, as far as that is asked for (numba).

The squared distance is found axis by axis (Felzenszwalb & Huttenlocher, Theory Comput. 8 (2012) 415): along each, the
least of what the lines before found plus the square of the way. As no more than a few voxels matter, all are tried.
"""

import numpy as np

from spa.compiled import kernel


@kernel("void(u1[:,:,::1], i8, f4[:,:,::1], f4[:,:,::1])", fastmath=True)
def _squares(inside, reach, held, found):
    """found (nz, ny, nx): the least squares, or more than reach^2 where these are. held: room for as many."""
    nz, ny, nx = inside.shape
    far, most = np.float32(2 * (reach + 1) ** 2), reach + 1
    for z in range(nz):
        for y in range(ny):
            since = most
            for x in range(nx):
                since = 0 if inside[z, y, x] else min(since + 1, most)
                found[z, y, x] = np.float32(since * since)
            since = most
            for x in range(nx - 1, -1, -1):
                since = 0 if inside[z, y, x] else min(since + 1, most)
                found[z, y, x] = min(found[z, y, x], np.float32(since * since))
        for y in range(ny):
            for x in range(nx):
                held[z, y, x] = far
            for other in range(max(0, y - reach), min(ny, y + reach + 1)):
                way = np.float32((other - y) * (other - y))
                for x in range(nx):
                    held[z, y, x] = min(held[z, y, x], found[z, other, x] + way)
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                found[z, y, x] = far
        for other in range(max(0, z - reach), min(nz, z + reach + 1)):
            way = np.float32((other - z) * (other - z))
            for y in range(ny):
                for x in range(nx):
                    found[z, y, x] = min(found[z, y, x], held[other, y, x] + way)


def squares(inside: np.ndarray, reach: int) -> np.ndarray:
    """(z, y, x) float32: the squared distance in voxels from each to the nearest of what is inside (bool); more than
    reach^2 where it is more."""
    held, found = np.empty((2, *inside.shape), np.float32)
    _squares(np.ascontiguousarray(inside).view(np.uint8), reach, held, found)
    return found
