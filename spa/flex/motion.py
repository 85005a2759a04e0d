"""Motions of two halves as one: coordinates in one frame, how far each voxel moves, and how far halves disagree."""

from dataclasses import dataclass

import numpy as np

from spa.flex.latents import Flow, Posterior, whitened

AGREED = 0.5  # correlation of the halves' coordinates


@dataclass(frozen=True, eq=False)
class Frame:
    """From common coordinates y to those of either half: ``centre[h] + y @ turn[h].T``, (2, q) and (2, q, q)."""

    centre: np.ndarray
    turn: np.ndarray

    def of(self, half: int, y: np.ndarray) -> np.ndarray:
        """Coordinates (n, q) of a half."""
        return self.centre[half] + y @ self.turn[half].T


@dataclass(frozen=True, eq=False)
class Common:
    """mean (n, q) and spread (n, q, q) of particles in the common frame; agreement (q,): correlation of the halves."""

    frame: Frame
    mean: np.ndarray
    spread: np.ndarray
    agreement: np.ndarray

    @property
    def agreed(self) -> np.ndarray:
        """(q,) whether a coordinate is one that halves agree in; the best is, in any case."""
        return (self.agreement >= AGREED) | (self.agreement == self.agreement.max())


def common(pair: tuple[Posterior, Posterior], flow: Flow, weight: np.ndarray) -> Common:
    """Of all particles' posteriors among either half's motions; the second is turned onto the first (Procrustes).

    Coordinates have mean 0 and covariance one; the first has the largest motion: flow, of the first half, at vertices
    of some weight (V,).
    """
    first, second = pair
    u, _, v = np.linalg.svd(second.mean.T @ first.mean)
    onto = u @ v  # second ~ first @ onto.T
    back = second.mean @ onto
    apart = (first.mean - back) / 2
    mean = (first.mean + back) / 2
    spread = (first.spread + onto.T @ second.spread @ onto) / 2 + apart.T @ apart / len(apart)
    centre, root = whitened(mean, spread)
    sample = mean[:: max(1, len(mean) // 400)]
    moved = flow(sample) * np.sqrt(weight)[:, None]
    ways, *_ = np.linalg.lstsq((sample - centre) @ np.linalg.inv(root).T, moved.reshape(len(sample), -1), rcond=None)
    turn = root @ np.linalg.svd(ways, full_matrices=False)[0]
    inverse = np.linalg.inv(turn)
    frame = Frame(np.stack([centre, onto @ centre]), np.stack([turn, onto @ turn]))
    sides = [(one - centre) @ inverse.T for one in (first.mean, back)]
    agreement = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(sides[0].T, sides[1].T)])
    return Common(frame, (mean - centre) @ inverse.T, inverse @ spread @ inverse.T, agreement)


@dataclass(frozen=True, eq=False)
class Motion:
    """Root mean squares over particles (V,), in the moves' unit: how far vertices move, and by how much a half's motion
    of a particle differs from the mean of both."""

    size: np.ndarray
    error: np.ndarray


def motion(flows: tuple[Flow, Flow], pair: tuple[Posterior, Posterior]) -> Motion:
    """Of some particles."""
    step = max(1, len(pair[0].mean) // 1000)
    one, two = (flow(found.mean[::step]) for flow, found in zip(flows, pair))
    one, two = one - one.mean(axis=0), two - two.mean(axis=0)  # where a density rests is its own affair
    return Motion(_rms((one + two) / 2), _rms((one - two) / 2))


def _rms(moves: np.ndarray) -> np.ndarray:
    return np.sqrt((moves.astype(np.float64) ** 2).sum(axis=2).mean(axis=0))
