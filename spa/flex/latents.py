"""Where each image lies among the motions: the likeliest coordinates, by Gauss and Newton's steps, and their errors.

The derivative of a projection by a coordinate is the difference that a step along it makes; coordinates have a normal
prior of covariance one, and their posterior is taken to be normal (Laplace).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spa.flex.scene import Scene, fit, looked, seen
from spa.refine.problem import Workers

STEP = 0.2  # standard deviations, of a difference
LONGEST = 1.0  # of a step towards the likeliest

Flow = Callable[[np.ndarray], np.ndarray]  # coordinates (n, q) to moves of the vertices (n, V, 3)


@dataclass(frozen=True, eq=False)
class Posterior:
    """mean (n, q) after a step and spread (n, q, q); of the point the step began at: evidence (n,), the log posterior
    with the spread's volume, and scale (n,)."""

    mean: np.ndarray
    spread: np.ndarray
    evidence: np.ndarray
    scale: np.ndarray


def stepped(
    found: Scene, rows: np.ndarray, density: np.ndarray, flow: Flow, z: np.ndarray, workers: Workers, sign: float = 1.0
) -> Posterior:
    """One step from z (rows, q); sign: in which direction differences are taken."""
    q, h = z.shape[1], sign * STEP

    def one(at: np.ndarray) -> tuple[np.ndarray, ...]:
        points = np.concatenate([z[at], *(z[at] + h * np.eye(q)[k] for k in range(q))])
        moves = flow(points).reshape(q + 1, len(at), -1, 3)
        p = [seen(found, rows[at], density, mine) for mine in moves]
        m, w = looked(found, rows[at])
        how = fit(found, m, w, p[0])
        a = how.scale[:, None]
        left = a * (m - a * w * p[0])
        change = np.stack([(mine - p[0]) / np.float32(h) for mine in p[1:]], axis=1)
        push = 2 * (left[:, None].conj() * change).real.sum(axis=2, dtype=np.float64)
        heavy = change * np.sqrt(w)[:, None]
        flat = np.concatenate([heavy.real, heavy.imag], axis=2)
        square = np.matmul(flat, np.swapaxes(flat, 1, 2)).astype(np.float64)
        precision = 2 * how.scale[:, None, None].astype(float) ** 2 * square + np.eye(q)
        spread = np.linalg.inv(precision)
        step = np.einsum("nab,nb->na", spread, push - z[at])
        long = np.linalg.norm(step, axis=1, keepdims=True)
        mean = z[at] + step * np.minimum(1, LONGEST / np.maximum(long, 1e-9))
        evidence = -how.misfit - 0.5 * (z[at] ** 2).sum(axis=1) + 0.5 * np.linalg.slogdet(spread)[1]
        return mean, spread, evidence, how.scale.astype(float)

    parts = list(workers.map(one, found.blocks(np.arange(len(rows)))))
    return Posterior(*(np.concatenate(column) for column in zip(*parts)))


def settled(
    found: Scene, rows: np.ndarray, density: np.ndarray, flow: Flow, z: np.ndarray, workers: Workers, turns: int = 5
) -> Posterior:
    """The likeliest of the points that some steps come by; the spread and evidence are of that point."""
    best: Posterior | None = None
    for turn in range(turns + 1):
        now = stepped(found, rows, density, flow, z, workers, 1.0 if turn % 2 else -1.0)
        here = Posterior(z, now.spread, now.evidence, now.scale)
        best = here if best is None else _better(best, here)
        z = now.mean
    assert best is not None
    return best


def _better(a: Posterior, b: Posterior) -> Posterior:
    won = b.evidence > a.evidence
    return Posterior(
        np.where(won[:, None], b.mean, a.mean), np.where(won[:, None, None], b.spread, a.spread),
        np.where(won, b.evidence, a.evidence), np.where(won, b.scale, a.scale),
    )  # fmt: skip


def whitened(mean: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """centre (q,) and root (q, q) such that ``(z - centre) @ inv(root).T`` has mean 0 and covariance one, errors
    (n, q, q) of z (n, q) included."""
    centre = mean.mean(axis=0)
    away = mean - centre
    covariance = away.T @ away / len(away) + spread.mean(axis=0)
    return centre, np.linalg.cholesky(covariance + 1e-9 * np.eye(len(covariance)))
