"""Expectation over every class, orientation and shift of a grid at once, and its averages, by matrix products.

The product of rows (image, shift) with columns (slices) gives the scores; their exponentials, normalised over each
image's grid, times the same rows give the CTF-weighted average image of each slice: nothing is ever looked up.
Where the processor has a tile unit (`spa.image.amx`), both products are of bfloat16.
Source of the marginalised likelihood: Scheres, J. Mol. Biol. 415 (2012) 406; of its use from nothing with mini-batches
and classes that are kept similar at first: Punjani et al., Nat. Methods 14 (2017) 290.
"""

from dataclasses import dataclass

import numpy as np

from spa.compiled import kernel
from spa.image import tiles
from spa.image.exponential import exponential
from spa.search.exhaustive import packed_rows
from spa.search.images import Block

FAINT = 14.0  # log units below an image's best where a weight counts as none


@dataclass(frozen=True, eq=False)
class Slices:
    """What is scored: packed (c g, 2K) slices of c classes at the same poses (g, 3, 3), and their power (c g, K).

    blocks: the packed ones as a right operand of `tiles`, where there is a tile unit.
    """

    poses: np.ndarray
    packed: np.ndarray
    power: np.ndarray
    classes: int
    blocks: np.ndarray | None = None


def slices_of(poses: np.ndarray, cut: list[np.ndarray]) -> Slices:
    """The slices cut (g, 2, K) of each class at poses."""
    every = np.concatenate(cut)
    packed = every.reshape(len(every), -1)
    return Slices(poses, packed, every[:, 0] ** 2 + every[:, 1] ** 2, len(cut), tiles.right(packed.T))


@dataclass(frozen=True)
class Temper:
    """How firmly scores are believed: p^beta; similarity: the part of every class in an image's class weights."""

    beta: float = 1.0
    similarity: float = 0.0


@dataclass(frozen=True, eq=False)
class Averages:
    """Sums over some images: values (c g, 2K) of CTF X, weights (c g, K) of CTF^2; of each image its log evidence
    a class (n, c) with a uniform prior, its share of each class (n, c) and its greatest weight (n,)."""

    values: np.ndarray
    weights: np.ndarray
    evidence: np.ndarray
    share: np.ndarray
    peak: np.ndarray


@kernel(
    "void(f4[:,:,::1], f4[:,::1], f4[::1], f4, f4, i8, f4[:,::1], f4[:,::1], f4[:,::1], f4[::1])", fastmath=True,
)  # fmt: skip
def _posterior(cross, norm, prior, beta, similarity, classes, total, evidence, share, peak):
    """Scores in cross (n, s, c g) become weights; total (n, c g) is their sum over shifts."""
    n, s, width = cross.shape
    g = width // classes
    for i in range(n):
        for c in range(classes):
            base, top = norm[i, c * g : (c + 1) * g], -np.float32(3e38)
            for k in range(s):
                row, p = cross[i, k, c * g : (c + 1) * g], prior[k]
                for j in range(g):
                    row[j] = beta * (np.float32(2) * row[j] - base[j] + p)
                    top = max(top, row[j])
            mass = np.float32(0)
            for k in range(s):
                row = cross[i, k, c * g : (c + 1) * g]
                for j in range(g):
                    v = row[j] - top
                    row[j] = exponential(v) if v > -np.float32(FAINT) else np.float32(0)
                    mass += row[j]
            evidence[i, c] = top + np.log(mass)
            share[i, c] = 1 / mass
        best = -np.float32(3e38)
        for c in range(classes):
            best = max(best, evidence[i, c])
        norm_c = np.float32(0)
        for c in range(classes):
            norm_c += np.exp(evidence[i, c] - best)
        peak[i] = 0
        for c in range(classes):
            part = np.exp(evidence[i, c] - best) / norm_c
            part = (1 - similarity) * part + similarity / classes
            scale = part * share[i, c]
            share[i, c] = part
            peak[i] = max(peak[i], scale)
            out = total[i, c * g : (c + 1) * g]
            out[:] = 0
            for k in range(s):
                row = cross[i, k, c * g : (c + 1) * g]
                for j in range(g):
                    row[j] *= scale
                    out[j] += row[j]


def posterior(
    block: Block, slices: Slices, shifts: np.ndarray, shift_sigma: float, temper: Temper = Temper()
) -> tuple[np.ndarray, ...]:
    """(weights (n s, c g), total (n, c g), rows (n s, 2K), evidence, share, peak) of a block of images."""
    rows = packed_rows(block, shifts)
    n, s, width = rows.shape
    rows = rows.reshape(n * s, width)
    cross = _scores(rows, slices).reshape(n, s, -1)
    norm = (block.ctf**2) @ slices.power.T
    prior = (-(shifts**2).sum(axis=1) / (2 * shift_sigma**2)).astype(np.float32)
    total = np.empty_like(norm)
    evidence, share = np.empty((n, slices.classes), np.float32), np.empty((n, slices.classes), np.float32)
    peak = np.empty(n, np.float32)
    _posterior(cross, norm, prior, np.float32(temper.beta), np.float32(temper.similarity), slices.classes,
               total, evidence, share, peak)  # fmt: skip
    states = len(shifts) * len(slices.poses)
    return cross.reshape(n * s, -1), total, rows, evidence - np.float32(np.log(states)), share, peak


def averages(
    block: Block, slices: Slices, shifts: np.ndarray, shift_sigma: float, temper: Temper = Temper()
) -> Averages:
    """The average image of every slice over a block, weighted by the posterior; shifts (s, 2) and sigma in pixels."""
    weights, total, rows, evidence, share, peak = posterior(block, slices, shifts, shift_sigma, temper)
    return Averages(_gathered(weights, rows), total.T @ block.ctf**2, evidence, share, peak)


def _scores(rows: np.ndarray, slices: Slices) -> np.ndarray:
    """(n s, c g) products of rows (n s, 2K) with all slices."""
    if slices.blocks is None:
        return rows @ slices.packed.T
    return tiles.product(tiles.left(rows), slices.blocks, len(rows), len(slices.packed))


def _gathered(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(c g, 2K) sums of rows (n s, 2K) by their weights (n s, c g)."""
    blocks = tiles.right(weights)
    if blocks is None:
        return weights.T @ rows
    return tiles.product(tiles.left(rows.T), blocks, rows.shape[1], weights.shape[1]).T
