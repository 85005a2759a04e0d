"""Several references compete for each image: how much of it each one gets.

An image's classes are weighed by the evidence of their modes: the height of each times its volume (Laplace), all
classes searched to the same depth.
"""

from dataclasses import replace

import numpy as np

from spa.refine.expectation import WIDEST, Poses
from spa.search.newton import Modes


def evidence(modes: Modes) -> np.ndarray:
    """(n,) log of the sum of the modes' heights times volumes; no mode's turn takes more than all of SO(3)."""
    there = modes.logp > -np.inf
    volume = -0.5 * np.linalg.slogdet(np.where(there[..., None, None], modes.hessian + WIDEST, np.eye(5)))[1]
    score = np.where(there, modes.logp + volume, -np.inf)
    top = score.max(axis=1)
    return top + np.log(np.exp(score - top[:, None]).sum(axis=1))


def shares(logs: np.ndarray) -> np.ndarray:
    """Rows of exp(logs) (n, c) normalised; rows of images that were not searched (-inf) are 0."""
    there = np.isfinite(logs[:, 0])
    share = np.zeros_like(logs)
    part = np.exp(logs[there] - logs[there].max(axis=1, keepdims=True))
    share[there] = part / part.sum(axis=1, keepdims=True)
    return share


def best_class(every: list[Poses], share: np.ndarray) -> tuple[Poses, np.ndarray]:
    """For each image the modes of the class with the greatest share (n, c), and the class (n,)."""
    number = share.argmax(axis=1)
    if len(every) == 1:
        return every[0], number
    pick = np.arange(len(number))
    names = ("poses", "shifts", "logp", "weight", "root")
    return Poses(*(np.stack([getattr(one, name) for one in every])[number, pick] for name in names)), number


def weighted(poses: Poses, share: np.ndarray) -> Poses:
    """Modes whose weights are those of the whole posterior: within the class times the class's share (n,)."""
    return replace(poses, weight=poses.weight * share[:, None])
