"""Ways through latent space: where particles are, from one point to another."""

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from spa.vary.clusters import likelihoods

POINTS = 4000  # particles that a way may lead over
NEAR = 16  # neighbours that it may step to
KNOTS = 50  # points of the curve through all particles
SETTLED = 20000  # particles that it is settled on
SMOOTHING = 0.1  # of its length
CROWD = 0.8  # of the particles, the densest, between whose ends the main way leads


def quantiles(latent: np.ndarray, axis: int, frames: int, reach: tuple[float, float] = (0.03, 0.97)) -> np.ndarray:
    """(frames, q): points along one axis through the median of the others, between quantiles of it."""
    out = np.repeat(np.median(latent, axis=0)[None], frames, axis=0)
    low, high = np.quantile(latent[:, axis], reach)
    out[:, axis] = np.linspace(low, high, frames)
    return out


def trajectory(latent: np.ndarray, ends: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """(frames, q): an even way from ends[0] to ends[1] where particles are dense.

    The shortest way over particles, each step as long as its square: many short steps through a crowd cost less than
    one over a gap.
    """
    sample = latent[np.sort(rng.permutation(len(latent))[:POINTS])]
    points = np.concatenate([ends, sample])
    reach = min(NEAR + 1, len(points))
    away, other = cKDTree(points).query(points, reach)
    rows = np.repeat(np.arange(len(points)), reach)
    graph = csr_matrix((np.maximum(away.ravel(), 1e-12) ** 2, (rows, other.ravel())), shape=(len(points),) * 2)
    cost, before = dijkstra(graph, directed=False, indices=0, return_predecessors=True)
    if not np.isfinite(cost[1]):
        return np.linspace(ends[0], ends[1], frames)
    way = [1]
    while way[-1] != 0:
        way.append(int(before[way[-1]]))
    return _even(points[way[::-1]], frames)


def _even(way: np.ndarray, frames: int) -> np.ndarray:
    """A way smoothed, its ends held, at points of equal distance."""
    fine = _resampled(way, 200)
    at = np.linspace(0, 1, 200)
    weight = np.exp(-(((at[:, None] - at) / SMOOTHING) ** 2) / 2)
    line = fine[0] + at[:, None] * (fine[-1] - fine[0])  # ends stay: what differs from the line is smoothed
    smooth = line + (weight @ (fine - line)) / weight.sum(axis=1, keepdims=True) * np.sin(np.pi * at)[:, None] ** 0.25
    smooth[0], smooth[-1] = fine[0], fine[-1]
    return _resampled(smooth, frames)


def _resampled(way: np.ndarray, count: int) -> np.ndarray:
    return stations(way, np.linspace(0, 1, count))


def stations(way: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(m, q): points at places (m,), 0 to 1, along a way."""
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))]
    return np.stack([np.interp(places * length[-1], length, column) for column in way.T], axis=1)


def distance(latent: np.ndarray, way: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) distance of points from a polygon (m, q), and how far along it (0 to 1) each lies nearest."""
    best, along = np.full(len(latent), np.inf), np.zeros(len(latent))
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    total, done = max(float(steps.sum()), 1e-12), 0.0
    if len(way) == 1:
        return np.linalg.norm(latent - way[0], axis=1), along
    for start, end, step in zip(way[:-1], way[1:], steps):
        share = np.clip(((latent - start) @ (end - start)) / max(step**2, 1e-12), 0, 1)
        away = np.linalg.norm(latent - start - share[:, None] * (end - start), axis=1)
        nearer = away < best
        best[nearer], along[nearer] = away[nearer], (done + share[nearer] * step) / total
        done += step
    return best, along


def main_way(latent: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """(frames, q): the way between the two points of the crowd that are farthest apart when one walks through it."""
    sample = latent[np.sort(rng.permutation(len(latent))[:POINTS])]
    reach = min(NEAR + 1, len(sample))
    away, other = cKDTree(sample).query(sample, reach)
    dense = np.flatnonzero(away[:, -1] <= np.quantile(away[:, -1], CROWD))
    sample = sample[dense]
    reach = min(reach, len(sample))
    away, other = cKDTree(sample).query(sample, reach)
    rows = np.repeat(np.arange(len(sample)), reach)
    graph = csr_matrix((np.maximum(away.ravel(), 1e-12), (rows, other.ravel())), shape=(len(sample),) * 2)
    first = int(np.argmax(np.abs(sample[:, 0] - np.median(sample[:, 0]))))
    for _ in range(3):  # from an end to the farthest point is to the other end
        cost = dijkstra(graph, directed=False, indices=first)
        last, first = first, int(np.argmax(np.where(np.isfinite(cost), cost, -1)))
    return trajectory(sample, sample[[first, last]], frames, rng)


def settled(way: np.ndarray, linear: np.ndarray, precision: np.ndarray, turns: int = 10) -> np.ndarray:
    """The way (m, q) moved to where images say that particles are, and smoothed: a curve seen through error bars.

    linear (n, q), precision (n, q, q): `clusters.likelihoods` (generative topographic mapping: Bishop, Svensen &
    Williams, Neural Comput. 10 (1998) 215).
    """
    m, q = way.shape
    at = np.linspace(0, 1, m)
    smooth = np.exp(-(((at[:, None] - at) / SMOOTHING) ** 2) / 2)
    flat = precision.reshape(len(precision), -1)
    for _ in range(turns):
        weight = smooth @ _places(way, linear, precision).T
        curvature = (weight @ flat).reshape(m, q, q) + 1e-3 * np.eye(q)
        way = np.linalg.solve(curvature, (weight @ linear)[..., None])[..., 0]
        way = _resampled(way, m)
    return way


def _places(way: np.ndarray, linear: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """(n, m) posterior of images over the points of a way, all alike before."""
    squares = np.einsum("ma,mb->mab", way, way).reshape(len(way), -1)
    logp = linear @ way.T - 0.5 * precision.reshape(len(precision), -1) @ squares.T
    weight = np.exp(logp - logp.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def along(way: np.ndarray, linear: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) how far along a way each particle is, 0 to 1, and its standard error."""
    fine, at = _resampled(way, 200), np.linspace(0, 1, 200)
    mean, square = np.empty(len(linear)), np.empty(len(linear))
    for start in range(0, len(linear), 20000):
        some = slice(start, start + 20000)
        weight = _places(fine, linear[some], precision[some])
        mean[some], square[some] = weight @ at, weight @ at**2
    return mean, np.sqrt(np.maximum(square - mean**2, 1e-8))


def curve(mean: np.ndarray, spread: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(KNOTS, q): the curve through all particles, from latents (n, q) and their covariances (n, q, q)."""
    if mean.shape[1] == 1:
        low, high = np.quantile(mean, [0.003, 0.997])
        return np.linspace(low, high, KNOTS)[:, None]
    linear, precision = likelihoods(mean, spread)
    rows = np.sort(rng.permutation(len(mean))[:SETTLED])
    return settled(main_way(mean, KNOTS, rng), linear[rows], precision[rows])


def unfolded(mean: np.ndarray, spread: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(KNOTS, q): the likeliest of the curves that the first one, two … coordinates suggest, fitted to all of them.

    A large motion lies folded in few coordinates, and is lost among the noise of many.
    """
    linear, precision = likelihoods(mean, spread)
    best: tuple[float, np.ndarray] | None = None
    for q in range(1, mean.shape[1] + 1):
        place, _ = along(curve(mean[:, :q], spread[:, :q, :q], rng), *likelihoods(mean[:, :q], spread[:, :q, :q]))
        rank = np.argsort(np.argsort(place, kind="stable"), kind="stable") / len(place)
        weight = np.exp(-(((np.linspace(0, 1, KNOTS)[:, None] - rank) / (SMOOTHING / 2)) ** 2) / 2)
        curvature = (weight @ precision.reshape(len(precision), -1)).reshape(KNOTS, *precision.shape[1:])
        way = np.linalg.solve(curvature + 1e-3 * np.eye(mean.shape[1]), (weight @ linear)[..., None])[..., 0]
        squares = np.einsum("ma,mb->mab", way, way).reshape(KNOTS, -1)
        logp = linear @ way.T - 0.5 * precision.reshape(len(precision), -1) @ squares.T
        top = logp.max(axis=1)
        evidence = float((top + np.log(np.exp(logp - top[:, None]).mean(axis=1))).mean())
        if best is None or evidence > best[0]:
            best = evidence, way
    assert best is not None
    return best[1]
