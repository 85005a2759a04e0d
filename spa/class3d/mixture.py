"""Classes as points of a subspace: the likelihood of each image is exact there, and costs next to nothing.

A class with coordinates c has log p = linear.c - c.quadratic.c / 2 for each image, by its own view and CTF, so that
many starts can be tried and the likeliest kept.
"""

from dataclasses import dataclass

import numpy as np

from spa.class3d.scores import posterior
from spa.class3d.subspace import Subspace

ITERATIONS = 200
RIDGE = 1e-4  # of the mean curvature: where components tell the same
GAIN = 1e-5  # of the log evidence an image: less ends a run


@dataclass(frozen=True, eq=False)
class Mixture:
    """centres (k, q), shares (k,), posterior (n, k), and the log evidence (n,) of images beyond the consensus."""

    centres: np.ndarray
    share: np.ndarray
    posterior: np.ndarray
    evidence: np.ndarray


def mixture(space: Subspace, classes: int, starts: int, rng: np.random.Generator) -> Mixture:
    """The likeliest of several runs from centres that lie far apart (Arthur & Vassilvitskii, SODA 2007, 1027)."""
    mean, _ = space.coordinates()
    even = np.full(classes, 1 / classes)
    runs = [climbed(space, spread_out(mean, classes, rng), even) for _ in range(starts)]
    return max(runs, key=lambda run: run.evidence.mean())


def spread_out(points: np.ndarray, classes: int, rng: np.random.Generator) -> np.ndarray:
    """(k, q): points drawn one after another, with a chance that grows with the square of the distance."""
    chosen = [points[rng.integers(len(points))]]
    for _ in range(classes - 1):
        near = np.min([((points - one) ** 2).sum(axis=1) for one in chosen], axis=0) + 1e-12
        chosen.append(points[rng.choice(len(points), p=near / near.sum())])
    return np.array(chosen)


def climbed(space: Subspace, centres: np.ndarray, share: np.ndarray, iterations: int = ITERATIONS) -> Mixture:
    """Expectation and maximisation from centres (k, q) and shares (k,)."""
    flat = space.quadratic.reshape(len(space.linear), -1)
    last = -np.inf
    for _ in range(iterations):
        weight, evidence = posterior(_log_likelihoods(space, flat, centres), share)
        if evidence.mean() - last < GAIN:
            break
        last = float(evidence.mean())
        share = weight.mean(axis=0)
        curvature = (weight.T @ flat).reshape(len(centres), *space.quadratic.shape[1:])
        ridge = RIDGE * np.trace(curvature, axis1=1, axis2=2) / curvature.shape[1] + 1e-12
        curvature += ridge[:, None, None] * np.eye(curvature.shape[1])
        centres = np.linalg.solve(curvature, (weight.T @ space.linear)[..., None])[..., 0]
    weight, evidence = posterior(_log_likelihoods(space, flat, centres), share)
    return Mixture(centres, share, weight, evidence)


def _log_likelihoods(space: Subspace, flat: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n, k) of images under centres (k, q); flat (n, q q): their quadratic terms."""
    squares = np.einsum("ki,kj->kij", centres, centres).reshape(len(centres), -1)
    return space.linear @ centres.T - 0.5 * flat @ squares.T
