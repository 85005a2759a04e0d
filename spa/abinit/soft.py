"""Expectation over every class, orientation and shift of a grid at once, and its averages, by matrix products.

The product of rows (image, turn) with columns (slices) gives the scores; their exponentials, normalised over each
image's grid, times the same rows give the CTF-weighted average image of each slice: nothing is ever looked up.
Each class has as many coefficients, and shifts as close, as its own band asks for; of these rows have but what differs
(`shifted`).
Where the processor has a tile unit (`spa.image.amx`), both products are of bfloat16.
Source of the marginalised likelihood: Scheres, J. Mol. Biol. 415 (2012) 406; of its use from nothing with mini-batches
and classes that are kept similar at first: Punjani et al., Nat. Methods 14 (2017) 290.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from spa.abinit.shifted import Shifts, prior_of
from spa.compiled import inner, kernel
from spa.image import tiles
from spa.image.exponential import exponential
from spa.refine.classes import shares
from spa.search.exhaustive import turned_rows
from spa.search.images import Block

FAINT = 14.0  # log units below an image's best where a likelihood, or a class, counts as none
LEAST = 1e-4  # of an image's greatest weight: those below enter no average
LOST = 0.02  # of the mass of an image's weights: where those have more of it, none is left out
SPARSE = 1 / 8  # of the products that are taken at once: weights that are fewer are multiplied one by one
TOGETHER = 2**18  # scores, or coefficients, of several images at all shifts: they stay in the cache


@dataclass(frozen=True, eq=False)
class Slices:
    """What a class is scored by: packed (g, 2K) slices, their power (g, K), and the shifts of images.

    blocks: the packed ones as a right operand of `tiles`, where there is a tile unit.
    """

    packed: np.ndarray
    power: np.ndarray
    shifts: Shifts
    blocks: np.ndarray | None = None

    @property
    def cells(self) -> int:
        """Products of an image with them."""
        return len(self.packed) * len(self.shifts.turns)


def slices_of(cut: np.ndarray, shifts: Shifts) -> Slices:
    """The slices cut (g, 2, K) of a class."""
    packed = cut.reshape(len(cut), -1)
    return Slices(packed, cut[:, 0] ** 2 + cut[:, 1] ** 2, shifts, tiles.right(packed.T))


@dataclass(frozen=True)
class Temper:
    """How firmly scores are believed: p^beta; similarity: the part of every class in an image's class weights."""

    beta: float = 1.0
    similarity: float = 0.0


@dataclass(frozen=True, eq=False)
class Few:
    """Weights (m,) of images (k,) that have few, where they are: slices (m,) and shifts (m,); of the image of number i
    from ends[i] to ends[i + 1]."""

    images: np.ndarray
    ends: np.ndarray
    slices: np.ndarray
    shifts: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Weighed:
    """Images under one class, whose greatest weight is 1: rows (n, r, 2K) that were scored and their weights (n, r, g),
    mixed of those of all shifts; few: those of images that have few, in place of these; total (n, g) of weights over
    shifts, mass (n,) of all, also of the faintest; log evidence (n,) with all poses alike."""

    rows: np.ndarray
    weights: np.ndarray
    few: list[Few]
    total: np.ndarray
    mass: np.ndarray
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


@kernel("void(f4[:,:,::1], f4[:,::1], f4[::1], f4, f4[:,::1], f4[:,::1], i8[::1])", fastmath=True)
def _weigh(cross, norm, prior, beta, total, sums, counts):
    """Scores of images in cross (n, s, g) become weights, and how many are not 0 (n,); total (n, g) is their sum over
    shifts; sums (n, 2): the greatest score and the mass, also of what is too little for a weight."""
    n, s, g = cross.shape
    two, zero, faint = np.float32(2), np.float32(0), -np.float32(FAINT)
    for i in range(n):
        scores, powers, least = cross[i], norm[i], np.float32(LEAST)
        best, mass, little = -np.float32(3e38), zero, zero
        for k in range(s):
            row, p = scores[k], prior[k]
            for j in range(g):
                best = max(best, beta * (two * row[j] - powers[j] + p))
        for k in range(s):
            row, p = scores[k], prior[k]
            for j in range(g):
                v = beta * (two * row[j] - powers[j] + p) - best
                w = exponential(v) if v > faint else zero
                mass += w
                little += w if w <= least else zero
                row[j] = w
        if little > np.float32(LOST) * mass:
            least = zero
        counts[i] = _kept(scores, least, total[i])
        sums[i, 0], sums[i, 1] = best, mass


@inner
def _kept(weights, least, total):
    """How many weights (s, g) are more than the least, the others made 0; total (g,) becomes their sum over shifts."""
    zero, count = np.float32(0), 0
    for j in range(len(total)):
        total[j] = zero
    for k in range(len(weights)):
        row, some = weights[k], np.int32(0)
        for j in range(len(total)):
            w = row[j] if row[j] > least else zero
            row[j] = w
            total[j] += w
            some += np.int32(w > zero)
        count += some
    return count


@kernel("void(f4[:,:,::1], f4[:,::1], i8[::1], i4[::1], i4[::1], f4[::1])")
def _list(weights, total, images, slices, shifts, found):
    """What is not 0 in weights (n, s, g) of some total (n, g) of images (k,), one after another, slice by slice."""
    at = 0
    for i in images:
        for j in range(total.shape[1]):
            if total[i, j] > 0:
                for k in range(weights.shape[1]):
                    if weights[i, k, j] > 0:
                        slices[at], shifts[at], found[at] = j, k, weights[i, k, j]
                        at += 1


@kernel("void(i8[::1], i4[::1], i4[::1], f4[::1], f4[::1], f4[:,:,::1], f4[:,::1])", fastmath=True)
def _add(ends, slices, shifts, weights, scale, rows, out):
    """Rows (k, s, 2K) of images at shifts, times weights and the image's scale (k,), added to slices of out (g, 2K)."""
    for image in range(len(rows)):
        if scale[image] == 0:
            continue
        for i in range(ends[image], ends[image + 1]):
            w, row, line = scale[image] * weights[i], rows[image, shifts[i]], out[slices[i]]
            for x in range(len(row)):
                line[x] += w * row[x]


def states(poses: int, prior: np.ndarray, beta: float) -> float:
    """Log of how many poses and shifts evidence is summed over, each shift as far as its log prior (s,) counts it."""
    return float(np.log(poses) + np.log(np.exp(beta * prior.astype(np.float64)).sum()))


def weighed(block: Block, slices: Slices, sigma: float, beta: float = 1.0, wanted: bool = True) -> Weighed:
    """A block of images under a class; sigma: of the prior on shifts, pixels; wanted: whether scores of rows become
    weights."""
    low, shifts, g = block.low(slices.power.shape[1]), slices.shifts, len(slices.packed)
    rows = turned_rows(low, shifts.turns)
    n, r, width = rows.shape
    cross, norm = _scores(rows.reshape(n * r, width), slices).reshape(n, r, g), (low.ctf**2) @ slices.power.T
    prior, total, sums = prior_of(shifts.shifts, sigma), np.empty_like(norm), np.empty((n, 2), np.float32)
    few, counts = [], np.empty(n, np.int64)
    for first in range(0, n, size := max(1, TOGETHER // (len(prior) * g))):
        some = slice(first, first + size)
        every = shifts.all_of(cross[some])
        _weigh(every, norm[some], prior, np.float32(beta), total[some], sums[some], counts[some])
        sparse = counts[some] < SPARSE * r * g
        if wanted and sparse.any():
            few.append(_listed(every, total[some], counts[some], np.flatnonzero(sparse), first))
        if wanted and shifts.mix is not None:
            cross[some][~sparse] = shifts.few_of(every[~sparse])
    evidence = sums[:, 0] + np.log(sums[:, 1]) - np.float32(states(g, prior, beta))
    return Weighed(rows, cross, few, total, sums[:, 1], evidence)


def _listed(weights: np.ndarray, total: np.ndarray, counts: np.ndarray, images: np.ndarray, first: int) -> Few:
    """Weights (n, s, g) of some total (n, g) of those images that have few; counts (n,), the number of the first."""
    ends = np.concatenate([[0], np.cumsum(counts[images])])
    there = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.int32), np.empty(ends[-1], np.float32)
    _list(weights, total, images, *there)
    return Few(first + images, ends, *there)


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
    sums = [_gathered(block, *one) for one in zip(classes, found, share.T)]
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


def _gathered(block: Block, slices: Slices, found: Weighed, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(values, weights) of a class with its share (n,) of images; one of which it has next to nothing is left out."""
    some = np.flatnonzero(share > np.exp(-FAINT))
    scale = (share / found.mass).astype(np.float32)
    scale[share <= np.exp(-FAINT)] = 0
    many = np.setdiff1d(some, np.concatenate([some[:0], *(one.images for one in found.few)]), assume_unique=True)
    weights = found.weights if len(many) == len(share) else found.weights[many]
    values = _summed(weights, found.rows[many] * scale[many, None, None])
    for few in found.few:
        _add_few(few, found.rows, scale, slices.shifts, values)
    square = block.ctf[some, : slices.power.shape[1]] ** 2
    return values, (found.total[some] * scale[some, None]).T @ square


def _add_few(few: Few, rows: np.ndarray, scale: np.ndarray, shifts: Shifts, values: np.ndarray) -> None:
    """Adds rows (n, r, 2K) of the images that have few weights, times scale (n,), to values (g, 2K)."""
    size = max(1, TOGETHER // (len(shifts.shifts) * rows.shape[2]))
    for first in range(0, len(few.images), size):
        some, ends = few.images[first : first + size], few.ends[first : first + size + 1]
        every = shifts.all_of(rows[some])
        _add(ends, few.slices, few.shifts, few.weights, scale[some], every, values)


def _scores(rows: np.ndarray, slices: Slices) -> np.ndarray:
    """(m, g) products of rows (m, 2K) with all slices."""
    if slices.blocks is None:
        return rows @ slices.packed.T
    return tiles.product(tiles.left(rows), slices.blocks, len(rows), len(slices.packed))


def _summed(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(g, 2K) sums of rows (n, r, 2K) by their weights (n, r, g)."""
    weights, rows = weights.reshape(-1, weights.shape[2]), rows.reshape(-1, rows.shape[2])
    blocks = tiles.right(weights) if len(rows) else None
    if blocks is None:
        return weights.T @ rows
    return np.ascontiguousarray(tiles.product(tiles.left(rows.T), blocks, rows.shape[1], weights.shape[1]).T)
