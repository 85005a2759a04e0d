"""Every orientation and shift of a grid scored against every image by two matrix products.

Rows are (image, shift), phase-ramped and multiplied by the CTF; columns are slices; complex numbers are packed as
pairs of reals, so one real product gives Re<.,.>.  The norm knows no shift: a second product of 1/n_shift the size.
Where the processor has a tile unit (`spa.image.amx`) the first product is of bfloat16: scores choose candidates, and
are off by less than what they differ by from grid point to grid point; who climbs from there sees float32 alone.
"""

import math
from dataclasses import dataclass

import numpy as np

from spa.compiled import kernel
from spa.image import amx, tiles
from spa.search.images import Block, ramps

TILE = 16 << 20  # bytes of the first product at a time: it is not kept whole


@dataclass(frozen=True, eq=False)
class Columns:
    """Slices to score: packed (g, 2K) and their power (g, K), with the poses (g, 3, 3) that they were cut at.

    blocks: the packed ones as a right operand of `tiles`, where the pass is worth it.
    """

    poses: np.ndarray
    packed: np.ndarray
    power: np.ndarray
    blocks: np.ndarray | None = None


def columns(poses: np.ndarray, cut: np.ndarray, rows: float = math.inf) -> Columns:
    """Columns of slices cut (g, 2, K) at poses, to be searched for so many (image, shift)."""
    packed = cut.reshape(len(cut), -1)
    return Columns(poses, packed, cut[:, 0] ** 2 + cut[:, 1] ** 2, tiles.right(packed.T, rows))


@dataclass(frozen=True, eq=False)
class Candidates:
    """The best m of each image: index of the pose, shift (pixels) and score, each (n, m[, 2]), best first."""

    pose: np.ndarray
    shift: np.ndarray
    score: np.ndarray


def packed_rows(block: Block, shifts: np.ndarray) -> np.ndarray:
    """(n, s, 2K) float32: CTF times image, moved back by each shift (s, 2)."""
    return turned_rows(block, ramps(shifts, block.kx, block.ky, block.band.box))


def turned_rows(block: Block, turned: np.ndarray) -> np.ndarray:
    """(n, s, 2K) float32: CTF times image, times complex factors (s, K)."""
    matched = block.matched()
    out = np.empty((len(block), len(turned), 2, len(block.kx)), np.float32)
    re, im = matched[:, None, 0], matched[:, None, 1]
    out[:, :, 0] = re * turned.real - im * turned.imag
    out[:, :, 1] = re * turned.imag + im * turned.real
    return out.reshape(len(block), len(turned), -1)


@kernel("void(f4[:,:,::1], f4[::1], f4[:,::1], i4[:,::1])", fastmath=True)
def _best_shift(cross, prior, best, which):
    """Where a shift k does better than best (n, g) before it: its score without the norm, and which it is."""
    for i in range(cross.shape[0]):
        for k in range(cross.shape[1]):
            for j in range(cross.shape[2]):
                value = np.float32(2) * cross[i, k, j] + prior[k]
                if value > best[i, j]:
                    best[i, j] = value
                    which[i, j] = k


@kernel(
    f"void(u1[::1], {tiles.BLOCKS}, {tiles.BLOCKS}, f4[::1], f4[:,::1], f4[::1], i4[::1], f4[:,::1], i4[:,::1])",
    fastmath=True,
)  # fmt: skip
def _best_in_tiles(configuration, a, b, prior, room, top, at, best, which):
    """As `_best_shift` of the products of blocks a and b, less their norms, which are in `best` already.

    room (32 blocks of a, 32), top and at (32,): for what is between.
    """
    n, g, s = best.shape[0], best.shape[1], len(prior)
    amx.configure(configuration.ctypes.data)
    for column in range(len(b)):
        tiles.panel(a, b[column], 0, len(a), room)
        first = 32 * column
        width = 32 if first + 32 <= g else g - first
        for i in range(n):
            for j in range(32):
                top[j] = -np.float32(3e38)
            for k in range(s):
                row = i * s + k
                for j in range(32):
                    value = np.float32(2) * room[row, j] + prior[k]
                    if value > top[j]:
                        top[j] = value
                        at[j] = k
            for j in range(width):
                best[i, first + j] = top[j] - best[i, first + j]
                which[i, first + j] = at[j]
    amx.release()


def search(block: Block, slices: Columns, shifts: np.ndarray, shift_sigma: float, keep: int) -> Candidates:
    """The `keep` best orientations of each image, each at its best shift; the prior on shifts is Gaussian (pixels)."""
    prior = (-(shifts**2).sum(axis=1) / (2 * shift_sigma**2)).astype(np.float32)
    scored = _scored if slices.blocks is None else _scored_in_tiles
    best, which = scored(packed_rows(block, shifts), block.ctf**2, slices, prior)
    keep = min(keep, best.shape[1])
    top = np.argpartition(-best, keep - 1, axis=1)[:, :keep]
    order = np.argsort(-np.take_along_axis(best, top, 1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, 1)
    return Candidates(top, shifts[np.take_along_axis(which, top, 1)], np.take_along_axis(best, top, 1))


def _scored(
    rows: np.ndarray, power: np.ndarray, slices: Columns, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of rows (n, s, 2K) and CTF^2 (n, K): the score (n, g) of each column at its best shift, and which that is."""
    n, s, width = rows.shape
    rows, g = rows.reshape(n * s, width), len(slices.poses)
    best, which = np.empty((n, g), np.float32), np.empty((n, g), np.int32)
    tile = max(TILE // (4 * n * s), 64)
    room = np.empty(n * s * min(tile, g), np.float32)
    for first in range(0, g, tile):
        some = slice(first, min(first + tile, g))
        cross = room[: n * s * (some.stop - first)].reshape(n * s, -1)
        np.matmul(rows, slices.packed[some].T, out=cross)
        part = np.full((n, cross.shape[1]), -3e38, np.float32)
        at = np.empty(part.shape, np.int32)
        _best_shift(cross.reshape(n, s, -1), prior, part, at)
        best[:, some], which[:, some] = part - power @ slices.power[some].T, at
    return best, which


def _scored_in_tiles(
    rows: np.ndarray, power: np.ndarray, slices: Columns, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As `_scored`, a few images at a time, so that their rows stay near the tile unit."""
    n, s, width = rows.shape
    assert slices.blocks is not None
    best, which = power @ slices.power.T, np.empty((n, len(slices.poses)), np.int32)
    some = max(1, tiles.CACHED // (2 * s * width))
    for first in range(0, n, some):
        part = slice(first, first + some)
        packed = tiles.left(rows[part].reshape(-1, width))
        _best_in_tiles(
            tiles.CONFIGURATION, packed, slices.blocks, prior, np.empty((32 * len(packed), 32), np.float32),
            np.empty(32, np.float32), np.empty(32, np.int32), best[part], which[part],
        )  # fmt: skip
    return best, which
