"""Principal components of what images have beyond the consensus: a few maps in whose span classes are looked for.

Probabilistic principal components by expectation and maximisation (Tipping & Bishop, J. R. Stat. Soc. B 61 (1999)
611; of cryo-EM volumes: Tagare et al., J. Struct. Biol. 191 (2015) 245; Punjani & Fleet, J. Struct. Biol. 213 (2021)
107702), from projections: each image's coordinates z are integrated over, a component is the map of its images
weighted by z.  It converges as power iterations do, from any start.
"""

from dataclasses import dataclass

import numpy as np

from spa.class3d.consensus import Differences
from spa.class3d.prior import Prior
from spa.refine.problem import Workers

TURNS = 10  # of the coordinates' covariance to one, in an iteration


@dataclass(frozen=True, eq=False)
class Subspace:
    """Of images `rows`: maps (q, n, n, n), the strongest first, and log p(z) = linear.z - z.quadratic.z / 2 of each."""

    rows: np.ndarray
    maps: np.ndarray
    linear: np.ndarray
    quadratic: np.ndarray

    def coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean (rows, q) and covariance (rows, q, q) of z under a prior of covariance one."""
        spread = np.linalg.inv(self.quadratic + np.eye(self.quadratic.shape[1]))
        return np.einsum("nij,nj->ni", spread, self.linear), spread

    def turned(self, matrix: np.ndarray) -> "Subspace":
        """The same with the maps combined by the columns of a matrix (q, q)."""
        maps = np.tensordot(matrix.T, self.maps, 1).astype(np.float32)
        return Subspace(self.rows, maps, self.linear @ matrix, matrix.T @ self.quadratic @ matrix)


@dataclass(frozen=True)
class Cycles:
    """At most so many; less where the strongest coordinate correlates by `still` with that of the cycle before."""

    most: int
    still: float


def components(
    found: Differences, rows: np.ndarray, prior: Prior, count: int, radius: int, cycles: Cycles,
    rng: np.random.Generator, workers: Workers,
) -> Subspace:  # fmt: skip
    """`count` components of images rows in shells up to radius, from random coordinates."""
    mean = rng.standard_normal((len(rows), count))
    square = np.ones((len(rows), count))
    for _ in range(cycles.most):
        sums = found.sums(rows, mean, square, radius, workers)  # the map of each coordinate by itself
        maps = np.stack(list(workers.map(prior.solved, sums)))
        space = _ordered(spanned(found, rows, maps, radius, workers))
        before, (mean, spread) = mean, space.coordinates()
        square = mean**2 + np.einsum("nii->ni", spread)
        if abs(np.corrcoef(before[:, 0], mean[:, 0])[0, 1]) > cycles.still:
            break
    return space


def spanned(found: Differences, rows: np.ndarray, maps: np.ndarray, radius: int, workers: Workers) -> Subspace:
    """The likelihood of images rows under any combination of maps (q, n, n, n)."""
    return Subspace(rows, maps, *found.moments(rows, maps, radius, workers))


def _ordered(space: Subspace) -> Subspace:
    """The same span with coordinates of covariance one, the component that images show most of first."""
    for _ in range(TURNS):
        mean, spread = space.coordinates()
        covariance = (spread.sum(axis=0) + mean.T @ mean) / len(mean)
        space = space.turned(np.linalg.cholesky(covariance + 1e-9 * np.eye(len(covariance))))
    values, vectors = np.linalg.eigh(space.quadratic.mean(axis=0))
    return space.turned(vectors[:, np.argsort(-values)])
