"""Coordinates along which images change evenly.

A network may jump where its coordinate hardly moves, and rest where it moves far: what an image says of such a
coordinate is no bell, and distances between particles mean nothing.  Along each coordinate the length of the way that
volumes go, as images see it (the pulled-back metric: Arvanitidis, Hansen & Hauberg, ICLR 2018), is taken instead.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

KNOTS = 300
CROWD = 0.002, 0.998  # quantiles of particles, between which a way is measured
STILL = 0.02  # of the mean change: coordinates go on at least so fast where nothing changes
SAMPLE = 200  # particles whose other coordinates changes are averaged over


@dataclass(frozen=True, eq=False)
class Stretch:
    """at (q, m): even coordinates, rising; own (q, m): the network's coordinates there."""

    at: np.ndarray
    own: np.ndarray

    def inner(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The network's coordinates (n, q) of y (n, q), their derivatives there, and how far y is beyond the ends,
        in steps of those at the ends."""
        held = np.clip(y, self.at[:, 0], self.at[:, -1])
        z, rate = np.empty_like(held), np.empty_like(held)
        for k, (at, own) in enumerate(zip(self.at, self.own)):
            z[:, k] = np.interp(held[:, k], at, own)
            step = np.clip(np.searchsorted(at, held[:, k], side="right") - 1, 0, len(at) - 2)
            rate[:, k] = (np.diff(own) / np.diff(at))[step]
        return z, rate, (y - held) * rate

    def scaled(self, centre: np.ndarray, width: np.ndarray) -> "Stretch":
        """Of even coordinates less centre (q,), over width (q,)."""
        return Stretch((self.at - centre[:, None]) / width[:, None], self.own)

    def outer(self, z: np.ndarray) -> np.ndarray:
        """Even coordinates (n, q) of the network's, within the ends."""
        return np.stack([np.interp(z[:, k], own, at) for k, (at, own) in enumerate(zip(self.at, self.own))], axis=1)


def even(
    change: Callable[[np.ndarray], np.ndarray], z: np.ndarray, end: float, rng: np.random.Generator
) -> Stretch:
    """Of particles at the network's coordinates z (n, q), of mean 0 and variance 1 over them.

    change: (n, q) squares of how much images differ for a step along each coordinate, at points (n, q); end: share of
    the way at either end beyond which volumes go straight on, as networks come to rest there.
    """
    some = z[np.sort(rng.permutation(len(z))[:SAMPLE])]
    at, own = [], []
    for k in range(z.shape[1]):
        low, high = np.quantile(z[:, k], CROWD)
        grid = np.linspace(low, max(high, low + 1e-6), KNOTS)
        points = np.tile(some, (KNOTS, 1))
        points[:, k] = np.repeat(grid, len(some))
        pace = np.sqrt(change(points)[:, k].reshape(KNOTS, -1).mean(axis=1))
        pace = np.maximum(pace, STILL * max(float(pace.mean()), 1e-12))
        way = np.r_[0, np.cumsum(0.5 * (pace[1:] + pace[:-1]))]
        even_way = np.linspace(end, 1 - end, KNOTS) * way[-1]
        knots = np.interp(even_way, way, grid)
        place = np.interp(z[:, k], knots, even_way)
        at.append((even_way - place.mean()) / max(float(place.std()), 1e-12))
        own.append(knots)
    return Stretch(np.stack(at), np.stack(own))
