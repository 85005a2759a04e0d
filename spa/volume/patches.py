"""Coefficients of a band in patches of the plane, and patches in the order of the bricks of a grid that they touch.

A grid of more than the caches hold comes through them line by line, and of slices in every direction most of the time
would go on waiting for it.  So neighbours of the plane are worked on together, and the patches of many slices brick
by brick: a brick stays at hand until all that touches it is done.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spa.volume.cells import CHUNK

STRIP = 8  # columns of the plane that a patch of CHUNK coefficients is wide
BRICK = 48  # points of a side: with the rims of the patches that begin in it, what the second cache holds of sums
MOST = 40  # bricks to a side: their numbers are of 16 bits
SMALL = 2**20  # bytes of a grid's middle that is at hand anyhow


@dataclass(frozen=True, eq=False)
class Patches:
    """A band's coefficients so that runs of CHUNK lie close together.

    order (K,): which coefficient of the band is where; kx, ky (K,) float32: in that order.
    """

    order: np.ndarray
    kx: np.ndarray
    ky: np.ndarray

    def sown(self, values: np.ndarray) -> np.ndarray:
        """Values (…, K) of the band in this order."""
        return values.take(self.order, axis=-1)


def patches(kx: np.ndarray, ky: np.ndarray) -> Patches:
    """Of a band at integer kx >= 0, ky (K,)."""
    return _patches(kx.astype(np.int32).tobytes(), ky.astype(np.int32).tobytes())


@lru_cache(maxsize=16)
def _patches(across: bytes, down: bytes) -> Patches:
    kx, ky = np.frombuffer(across, np.int32), np.frombuffer(down, np.int32)
    strip = kx // STRIP
    order = np.lexsort((kx, np.where(strip % 2, -ky, ky), strip))  # up one strip and down the next
    return Patches(order, kx[order].astype(np.float32), ky[order].astype(np.float32))


def visits(
    grid: np.ndarray, poses: np.ndarray, kx: np.ndarray, ky: np.ndarray, slab: tuple[int, int] | None = None
) -> np.ndarray:
    """(v,) int32: in which order to go to the runs c of CHUNK coefficients of slices i, as i runs + c.

    grid (2r+1, 2r+1, r+2, c): of the slices, by bricks unless they touch little; poses (n, 3, 3), kx, ky (K,) float32.
    slab: planes z beside which nothing is wanted. Runs that do not reach into them are left out; the order of the
    others is as without.
    """
    starts = np.arange(0, len(kx), CHUNK)
    every = np.arange(len(poses) * len(starts), dtype=np.int32)
    plane = np.stack([kx, ky])
    if 4 * (2 * plane.max()) ** 3 * grid.shape[3] * grid.itemsize / 2 <= SMALL:
        return every
    least, most = np.minimum.reduceat(plane, starts, axis=1), np.maximum.reduceat(plane, starts, axis=1)
    axes = poses[:, :2].transpose(2, 0, 1)  # (3, n, 2): x, y and z of the two that span a slice
    x, y, z = axes @ (least + most)  # (n, c) each: the middles of the runs' rectangles, in points of the grid
    side = np.where(x < 0, np.float32(-1), np.float32(1))
    share, centre = np.float32(1 / max(BRICK, -(-len(grid) // MOST))), np.float32(len(grid) // 2)
    places = x * side, y * side + centre, z * side + centre
    column, row, layer = (np.clip(place * share, 0, MOST - 1).astype(np.uint16) for place in places)
    order = np.argsort(((layer * MOST + row) * MOST + column).ravel(), kind="stable")
    if slab is None:
        return every[order]
    wide, _, high = np.abs(axes) @ (most - least)
    first, last = slab[0] - centre - 1, slab[1] - centre  # of the first of a cell's two planes
    there, turned = ((a - high <= last) & (a + high >= first) for a in (z * side, -z * side))
    return every[order[(there | turned & (np.abs(x) <= wide)).ravel()[order]]]
