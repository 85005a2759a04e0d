"""What classes are worth: each half of the images classified without the other, from a start of its own.

Maps of one half know nothing of the other half's images.  Where these are no likelier with them, in any strength,
than with one map in their span, the classes are made of noise; where both halves' maps sort images alike, they will be
found again.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.class3d.loop import SPANNED, Problem, settled
from spa.class3d.mixture import climbed
from spa.class3d.subspace import spanned
from spa.refine.problem import Workers


@dataclass(frozen=True, eq=False)
class Worth:
    """evidence: mean log evidence of images under the classes of the other half, beyond the likeliest single map;

    least: what chance gives, in the same units; agreement: adjusted Rand index of how both halves' maps sort images.
    entropy (images,): of each image's posterior over the classes of the half that it is not in.
    """

    evidence: float
    least: float
    agreement: float
    entropy: np.ndarray


def worth(problem: Problem, workers: Workers) -> Worth:
    """Of the classification of a problem's images."""
    half = problem.found.images.half[problem.rows]
    sides = [replace(problem, rows=problem.rows[half == number]) for number in (0, 1)]
    states = [settled(side, workers) for side in sides]
    radius = problem.found.images.band.radius
    unseen, gains = [], []
    for side, state in zip(sides, reversed(states)):
        space = spanned(problem.found, side.rows, state.maps, radius, workers)
        classes = climbed(space, np.eye(len(state.maps)), state.share, SPANNED)
        single = climbed(space, state.share[None], np.ones(1), SPANNED)
        unseen.append(classes)
        gains.append(classes.evidence - single.evidence)
    own = np.concatenate([state.number[side.rows] for side, state in zip(sides, states)])
    other = np.concatenate([one.posterior.argmax(axis=1) for one in unseen])
    free = 2 * len(states[0].maps) ** 2  # strengths of the classes' maps, fitted to each half
    cut = len(sides[0].rows)
    by_half = [adjusted_rand(own[part], other[part]) for part in (slice(0, cut), slice(cut, None))]
    entropies = np.empty(len(problem.rows))
    for number, one in enumerate(unseen):
        entropies[half == number] = entropy(one.posterior)
    return Worth(float(np.concatenate(gains).mean()), free / len(problem.rows), float(np.mean(by_half)), entropies)


def entropy(posterior: np.ndarray) -> np.ndarray:
    """(n,) of posteriors (n, k), in natural units."""
    return -(posterior * np.log(np.maximum(posterior, 1e-30))).sum(axis=1)


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    """How alike two partitions (n,) are: 1 the same, 0 by chance (Hubert & Arabie, J. Classif. 2 (1985) 193)."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    rows, columns = pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = rows * columns / max(pairs(np.array([len(a)])), 1)
    most = (rows + columns) / 2
    return (pairs(table) - chance) / (most - chance) if most > chance else 1.0
