"""Principal components of what images have beyond the consensus: a few maps in whose span classes are looked for.

Probabilistic principal components by expectation and maximisation (Tipping & Bishop, J. R. Stat. Soc. B 61 (1999)
611; of cryo-EM volumes: Tagare et al., J. Struct. Biol. 191 (2015) 245; Punjani & Fleet, J. Struct. Biol. 213 (2021)
107702), from projections: each image's coordinates z are integrated over, a component is the map of its images
weighted by z.  It converges as power iterations do, from any start.
"""

from dataclasses import dataclass

import numpy as np

from spa.class3d import scores
from spa.class3d.consensus import Residuals
from spa.class3d.prior import Prior
from spa.class3d.sums import Part, blocks_of, gathered
from spa.refine.problem import Workers
from spa.volume import insert as into
from spa.volume.slices import reference

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
    found: Residuals, rows: np.ndarray, prior: Prior, count: int, radius: int, cycles: Cycles,
    rng: np.random.Generator, workers: Workers,
) -> Subspace:  # fmt: skip
    """`count` components of images rows in shells up to radius, from random coordinates."""
    mean = rng.standard_normal((len(rows), count))
    square = np.ones((len(rows), count))
    for _ in range(cycles.most):
        maps = _maps(found, rows, mean, square, prior, radius, workers)
        space = _ordered(spanned(found, rows, maps, radius, workers))
        before, (mean, spread) = mean, space.coordinates()
        square = mean**2 + np.einsum("nii->ni", spread)
        if abs(np.corrcoef(before[:, 0], mean[:, 0])[0, 1]) > cycles.still:
            break
    return space


def _maps(
    found: Residuals, rows: np.ndarray, mean: np.ndarray, square: np.ndarray, prior: Prior, radius: int,
    workers: Workers,
) -> np.ndarray:  # fmt: skip
    """(q, n, n, n): the map of each coordinate by itself; mean and square (rows, q) are those of the coordinates."""
    band = found.images.band
    count = band.count(radius)

    def parts(places: np.ndarray) -> list[Part]:
        mine = rows[places]
        matched, weight = found.block(mine, radius)
        samples = into.Samples(np.arange(len(mine)), found.poses[mine], np.zeros((len(mine), 2)), np.ones(len(mine)))
        factors = zip(mean[places].T.astype(np.float32), square[places].T.astype(np.float32))
        return [Part(q, samples, matched * z[:, None, None], weight * zz[:, None])
                for q, (z, zz) in enumerate(factors)]  # fmt: skip

    sums = gathered(band.box, radius, mean.shape[1], np.arange(len(rows)), parts, band.kx[:count], band.ky[:count],
                    workers)  # fmt: skip
    return np.stack(list(workers.map(prior.solved, sums)))


def spanned(found: Residuals, rows: np.ndarray, maps: np.ndarray, radius: int, workers: Workers) -> Subspace:
    """The likelihood of images rows under any combination of maps (q, n, n, n)."""
    sources = list(workers.map(lambda one: reference(one, radius), maps))
    parts = list(workers.map(lambda mine: scores.moments(found, mine, sources, radius), blocks_of(rows)))
    return Subspace(rows, maps, np.concatenate([one[0] for one in parts]), np.concatenate([one[1] for one in parts]))


def _ordered(space: Subspace) -> Subspace:
    """The same span with coordinates of covariance one, the component that images show most of first."""
    for _ in range(TURNS):
        mean, spread = space.coordinates()
        covariance = (spread.sum(axis=0) + mean.T @ mean) / len(mean)
        space = space.turned(np.linalg.cholesky(covariance + 1e-9 * np.eye(len(covariance))))
    values, vectors = np.linalg.eigh(space.quadratic.mean(axis=0))
    return space.turned(vectors[:, np.argsort(-values)])
