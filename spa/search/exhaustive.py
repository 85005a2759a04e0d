"""Every orientation and shift of a grid scored against every image by two matrix products.

Rows are (image, shift), phase-ramped and multiplied by the CTF; columns are slices; complex numbers are packed as
pairs of reals, so one real product gives Re<.,.>.  The norm knows no shift: a second product of 1/n_shift the size.
"""

from dataclasses import dataclass

import numpy as np

from spa.image.compiled import kernel
from spa.search.images import Block, ramps

TILE = 16 << 20  # bytes of the first product at a time: it is not kept whole


@dataclass(frozen=True, eq=False)
class Columns:
    """Slices to score: packed (g, 2K) and their power (g, K), with the poses (g, 3, 3) that they were cut at."""

    poses: np.ndarray
    packed: np.ndarray
    power: np.ndarray


def columns(poses: np.ndarray, cut: np.ndarray) -> Columns:
    """Columns of slices cut (g, 2, K) at poses."""
    return Columns(poses, cut.reshape(len(cut), -1), cut[:, 0] ** 2 + cut[:, 1] ** 2)


@dataclass(frozen=True, eq=False)
class Candidates:
    """The best m of each image: index of the pose, shift (pixels) and score, each (n, m[, 2]), best first."""

    pose: np.ndarray
    shift: np.ndarray
    score: np.ndarray


def packed_rows(block: Block, shifts: np.ndarray) -> np.ndarray:
    """(n, s, 2K) float32: CTF times image, moved back by each shift (s, 2)."""
    matched = block.matched()
    turned = ramps(shifts, block.kx, block.ky, block.band.box)
    out = np.empty((len(block), len(shifts), 2, len(block.kx)), np.float32)
    re, im = matched[:, None, 0], matched[:, None, 1]
    out[:, :, 0] = re * turned.real - im * turned.imag
    out[:, :, 1] = re * turned.imag + im * turned.real
    return out.reshape(len(block), len(shifts), -1)


@kernel("void(f4[:,:,::1], f4[:,::1], f4[::1], f4[:,::1], i4[:,::1])", fastmath=True)
def _best_shift(cross, norm, prior, best, which):
    n, s, g = cross.shape
    for i in range(n):
        for j in range(g):
            best[i, j] = -np.float32(3e38)
        for k in range(s):
            for j in range(g):
                value = np.float32(2) * cross[i, k, j] + prior[k]
                if value > best[i, j]:
                    best[i, j] = value
                    which[i, j] = k
        for j in range(g):
            best[i, j] -= norm[i, j]


def search(block: Block, slices: Columns, shifts: np.ndarray, shift_sigma: float, keep: int) -> Candidates:
    """The `keep` best orientations of each image, each at its best shift; the prior on shifts is Gaussian (pixels)."""
    rows = packed_rows(block, shifts)
    n, s, width = rows.shape
    rows = rows.reshape(n * s, width)
    prior = (-(shifts**2).sum(axis=1) / (2 * shift_sigma**2)).astype(np.float32)
    power, g = block.ctf**2, len(slices.poses)
    best, which = np.empty((n, g), np.float32), np.empty((n, g), np.int32)
    tile = max(TILE // (4 * n * s), 64)
    room = np.empty(n * s * min(tile, g), np.float32)
    for first in range(0, g, tile):
        some = slice(first, min(first + tile, g))
        cross = room[: n * s * (some.stop - first)].reshape(n * s, -1)
        np.matmul(rows, slices.packed[some].T, out=cross)
        norm = power @ slices.power[some].T
        part, at = np.empty_like(norm), np.empty(norm.shape, np.int32)
        _best_shift(cross.reshape(n, s, -1), norm, prior, part, at)
        best[:, some], which[:, some] = part, at
    keep = min(keep, best.shape[1])
    top = np.argpartition(-best, keep - 1, axis=1)[:, :keep]
    order = np.argsort(-np.take_along_axis(best, top, 1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, 1)
    return Candidates(top, shifts[np.take_along_axis(which, top, 1)], np.take_along_axis(best, top, 1))
