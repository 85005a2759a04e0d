"""Expectation over every class, orientation and shift of a grid at once, and its averages, by matrix products.

The product of rows (image, shift) with columns (slices) gives the scores; their exponentials, normalised over each
image's grid, times the same rows give the CTF-weighted average image of each slice: nothing is ever looked up.
Each class has as many coefficients, and shifts as close, as its own band asks for.
Where the processor has a tile unit (`spa.image.amx`), both products are of bfloat16.
Source of the marginalised likelihood: Scheres, J. Mol. Biol. 415 (2012) 406; of its use from nothing with mini-batches
and classes that are kept similar at first: Punjani et al., Nat. Methods 14 (2017) 290.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from spa.compiled import kernel
from spa.image import tiles
from spa.image.exponential import exponential
from spa.refine.classes import shares
from spa.search.exhaustive import packed_rows
from spa.search.images import Block

FAINT = 14.0  # log units below an image's best where a weight, or a class, counts as none


@dataclass(frozen=True, eq=False)
class Slices:
    """What a class is scored by: packed (g, 2K) slices, their power (g, K), and the shifts (s, 2) of images, pixels.

    blocks: the packed ones as a right operand of `tiles`, where there is a tile unit.
    """

    packed: np.ndarray
    power: np.ndarray
    shifts: np.ndarray
    blocks: np.ndarray | None = None


def slices_of(cut: np.ndarray, shifts: np.ndarray) -> Slices:
    """The slices cut (g, 2, K) of a class, at shifts (s, 2)."""
    packed = cut.reshape(len(cut), -1)
    return Slices(packed, cut[:, 0] ** 2 + cut[:, 1] ** 2, shifts, tiles.right(packed.T))


@dataclass(frozen=True)
class Temper:
    """How firmly scores are believed: p^beta; similarity: the part of every class in an image's class weights."""

    beta: float = 1.0
    similarity: float = 0.0


@dataclass(frozen=True, eq=False)
class Weighed:
    """Images under one class: weights (n s, g), an image's greatest is 1; total (n, g) of them over shifts, and mass
    (n,) over all; rows (n s, 2K) that were scored; log evidence (n,) with all poses alike."""

    weights: np.ndarray
    total: np.ndarray
    mass: np.ndarray
    rows: np.ndarray
    evidence: np.ndarray


@dataclass(frozen=True, eq=False)
class Averages:
    """Sums over some images: of each class the values (g, 2K) of CTF X and weights (g, K) of CTF^2; of each image its
    log evidence a class (n, c), its share of each class (n, c) and its greatest weight (n,)."""

    values: list[np.ndarray]
    weights: list[np.ndarray]
    evidence: np.ndarray
    share: np.ndarray
    peak: np.ndarray


@kernel("void(f4[:,:,::1], f4[:,::1], f4[::1], f4, f4[:,::1], f4[::1])", fastmath=True)
def _weigh(cross, norm, prior, beta, total, top):
    """Scores in cross (n, s, g) become weights; total (n, g) is their sum over shifts, top (n,) the greatest score."""
    n, s, g = cross.shape
    two, zero, least = np.float32(2), np.float32(0), -np.float32(FAINT)
    for i in range(n):
        base, out, best = norm[i], total[i], -np.float32(3e38)
        for k in range(s):
            row, p = cross[i, k], prior[k]
            for j in range(g):
                best = max(best, beta * (two * row[j] - base[j] + p))
        out[:] = zero
        for k in range(s):
            row, p = cross[i, k], prior[k]
            for j in range(g):
                v = beta * (two * row[j] - base[j] + p) - best
                row[j] = exponential(v) if v > least else zero
                out[j] += row[j]
        top[i] = best


def prior_of(shifts: np.ndarray, sigma: float) -> np.ndarray:
    """(s,) float32 log prior of shifts (s, 2), 0 at the middle; sigma in their unit."""
    return (-(shifts**2).sum(axis=1) / (2 * sigma**2)).astype(np.float32)


def states(poses: int, prior: np.ndarray, beta: float) -> float:
    """Log of how many poses and shifts evidence is summed over, each shift as far as its log prior (s,) counts it."""
    return float(np.log(poses) + np.log(np.exp(beta * prior.astype(np.float64)).sum()))


def weighed(block: Block, slices: Slices, sigma: float, beta: float = 1.0) -> Weighed:
    """A block of images under a class; sigma: of the prior on shifts, pixels."""
    low = block.low(slices.power.shape[1])
    rows = packed_rows(low, slices.shifts)
    n, s, width = rows.shape
    rows = rows.reshape(n * s, width)
    cross, norm = _scores(rows, slices), (low.ctf**2) @ slices.power.T
    prior, total, top = prior_of(slices.shifts, sigma), np.empty_like(norm), np.empty(n, np.float32)
    _weigh(cross.reshape(n, s, -1), norm, prior, np.float32(beta), total, top)
    mass = total.sum(axis=1)
    evidence = top + np.log(mass) - np.float32(states(len(slices.packed), prior, beta))
    return Weighed(cross, total, mass, rows, evidence)


def shared(evidence: np.ndarray, mass: np.ndarray, similarity: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Shares (n, c) of classes by their log evidence (n, c), and the greatest weight (n,) of an image; mass (n, c): of
    its weights in each class, the greatest being 1."""
    share = (1 - similarity) * shares(evidence) + similarity / evidence.shape[1]
    return share, (share / mass).max(axis=1)


def averages(block: Block, classes: Sequence[Slices], sigma: float, temper: Temper = Temper()) -> Averages:
    """The average image of every slice of the classes over a block, weighted by the posterior."""
    found = [weighed(block, one, sigma, temper.beta) for one in classes]
    evidence, mass = (np.stack([getattr(one, name) for one in found], axis=1) for name in ("evidence", "mass"))
    share, peak = shared(evidence, mass, temper.similarity)
    sums = [_gathered(block, one, part) for one, part in zip(found, share.T)]
    return Averages([values for values, _ in sums], [weights for _, weights in sums], evidence, share, peak)


def together(parts: Iterable[Averages]) -> Averages:
    """Averages over all images of the parts, in their order."""
    values: list[np.ndarray] = []
    for part in parts:
        if not values:
            values, weights, each = part.values, part.weights, []
        else:
            for total, more in zip(values + weights, part.values + part.weights):
                total += more
        each.append((part.evidence, part.share, part.peak))
    return Averages(values, weights, *(np.concatenate(one) for one in zip(*each)))


def _gathered(block: Block, found: Weighed, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(values, weights) of a class with its share (n,) of images; one of which it has next to nothing is left out."""
    some = np.flatnonzero(share > np.exp(-FAINT))
    scale = (share[some] / found.mass[some])[:, None]
    n, s = len(share), len(found.rows) // len(share)
    weights, rows = (one.reshape(n, s, -1) for one in (found.weights, found.rows))
    if len(some) < n:
        weights = weights[some]
    rows = (rows[some] * scale[..., None]).reshape(-1, rows.shape[2])
    square = block.ctf[some, : rows.shape[1] // 2] ** 2
    return _summed(weights.reshape(len(rows), -1), rows), (found.total[some] * scale).T @ square


def _scores(rows: np.ndarray, slices: Slices) -> np.ndarray:
    """(n s, g) products of rows (n s, 2K) with all slices."""
    if slices.blocks is None:
        return rows @ slices.packed.T
    return tiles.product(tiles.left(rows), slices.blocks, len(rows), len(slices.packed))


def _summed(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(g, 2K) sums of rows (n s, 2K) by their weights (n s, g)."""
    blocks = tiles.right(weights)
    if blocks is None:
        return weights.T @ rows
    return np.ascontiguousarray(tiles.product(tiles.left(rows.T), blocks, rows.shape[1], weights.shape[1]).T)
