"""Guesses of what one copy lacks: the part of a symmetric map about one of the points that a group makes of one.

What tells copies apart lies, as a rule, in one asymmetric unit. A subunit that is missing, weak or turned is like the
map's own density there, taken away, whichever way the unit is cut out; where copies are many such a guess leads to it
when random copies do not: they must first find out, of 60 copies, which few images look alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spa.relax.copies import Copies

VOXELS = 2000  # drawn from the density, to compare parts by
POINTS = 48  # that parts are made about
GUESSES = 12  # of them, those whose parts differ most


@dataclass(frozen=True, eq=False)
class Guess:
    """volume (box, box, box): a difference D; part (box, box, box): where it is."""

    volume: np.ndarray
    part: np.ndarray


def guesses(consensus: np.ndarray, copies: Copies, rng: np.random.Generator) -> Iterator[Guess]:
    """The consensus (box, box, box) taken away in one part, as unlike each other as may be."""
    dense = np.maximum(consensus, 0) * copies.mask
    if not dense.any():
        return
    middle = len(dense) // 2
    drawn = rng.choice(dense.size, VOXELS, p=dense.ravel().astype(np.float64) / dense.sum(dtype=np.float64))
    voxels = np.stack(np.unravel_index(drawn, dense.shape), axis=1)[:, ::-1] - middle
    points = voxels[rng.choice(VOXELS, POINTS, replace=False)] + rng.uniform(-0.5, 0.5, (POINTS, 3))  # on no axis
    owners = np.stack([_owner(voxels, point, copies) for point in points])
    z, y, x = np.indices(dense.shape).reshape(3, -1) - middle
    every = np.stack([x, y, z], axis=1)
    for point in points[_unlike(owners, len(copies.turns), GUESSES)]:
        part = (_owner(every, point, copies) == 0).reshape(dense.shape)
        yield Guess(-consensus * part * copies.mask, part)


def _owner(voxels: np.ndarray, point: np.ndarray, copies: Copies) -> np.ndarray:
    """Which copy's points each of the voxels (n, 3) from the centre is nearest to: (n,), 0 the first copy's."""
    equal = np.einsum("cij,hjk,k->chi", copies.turns, copies.operators, point)
    best, owner = np.full(len(voxels), -np.inf), np.zeros(len(voxels), int)
    for number, of_copy in enumerate(equal):  # all of an orbit are as far from the centre: the angle decides
        along = (voxels @ of_copy.T).max(axis=1)
        owner[along > best] = number
        np.maximum(best, along, out=best)
    return owner


def _unlike(owners: np.ndarray, copies: int, count: int) -> list[int]:
    """Of cuts into parts (p, voxels), so many that share least, whichever copy is laid on which."""
    first = owners == 0
    chosen, shared = [0], np.zeros(len(owners))
    for _ in range(count - 1):
        other = owners[chosen[-1]]
        common = np.stack([(first & (other == copy)).sum(axis=1) for copy in range(copies)], axis=1).max(axis=1)
        shared = np.maximum(shared, common / np.maximum(first.sum(axis=1), 1))
        chosen.append(int(np.argmin(shared)))
    return chosen
