"""Pieces of the consensus: whether one comes and goes, and what varies within their span.

Components that are learnt from images must be told from noise in thousands of directions, which a kind that few
particles have is lost in.  Pieces of the map are a handful of directions known beforehand: each is tried for more
variance than noise gives (a score test, see Rao, Proc. Camb. Phil. Soc. 44 (1948) 50), and kinds of particles are found
within their span alone (`kinds`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from spa.class3d.mixture import spread_out
from spa.vary.views import Moments

PIECES = 24
TURNS = 50  # of k-means
VOXELS = 20000  # that it looks at


@dataclass(frozen=True, eq=False)
class Pieces:
    """maps (k, n, n, n) that add to the consensus within the region; centres (k, 3): z, y, x, voxels from the box's."""

    maps: np.ndarray
    centres: np.ndarray


def of(consensus: np.ndarray, region: np.ndarray, seed: int, count: int = PIECES) -> Pieces:
    """A consensus (n, n, n) cut softly into pieces of like mass and size (k-means of its density)."""
    n, rng = len(consensus), np.random.Generator(np.random.Philox(seed))
    density = np.maximum(consensus, 0) * region
    at = np.argwhere(density > 0.2 * density.max())
    if len(at) > VOXELS:
        at = at[np.sort(rng.permutation(len(at))[:VOXELS])]
    count = min(count, len(at))
    mass, points = density[tuple(at.T)].astype(float), at.astype(float)
    centres = spread_out(points, count, rng)
    for _ in range(TURNS):
        number = cKDTree(centres).query(points)[1]
        total = np.bincount(number, mass, count)
        sums = np.stack([np.bincount(number, mass * axis, count) for axis in points.T], axis=1)
        moved = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-30)[:, None], centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    width = 0.5 * float(np.median(cKDTree(centres).query(centres, min(2, count))[0].reshape(count, -1)[:, -1]))
    axes = np.arange(n)
    away = [sum(np.ix_(*[(axes - c) ** 2 for c in centre])) for centre in centres]
    nearest = np.min(away, axis=0)
    share = np.stack([np.exp((nearest - one) / (2 * max(width, 1.0) ** 2)) for one in away])
    share *= (consensus * region) / share.sum(axis=0)
    return Pieces(share.astype(np.float32), centres - n // 2)


def beside_mean(found: Moments) -> Moments:
    """Of each map with its share of the mean taken off, image by image: the same whatever an image's grey scale."""
    share = found.quadratic[:, 0, 1:] / np.maximum(found.quadratic[:, :1, 0], 1e-12)
    linear, quadratic = np.zeros_like(found.linear), np.zeros_like(found.quadratic)
    linear[:, 1:] = found.linear[:, 1:] - share * found.linear[:, :1]
    quadratic[:, 1:, 1:] = found.quadratic[:, 1:, 1:] - share[:, :, None] * found.quadratic[:, :1, 1:]
    return Moments(linear, quadratic)


def excess(parts: Iterable[Moments]) -> np.ndarray:
    """(k,) variance of images, in parts, along each map over what noise gives, in standard deviations of the latter."""
    over, noise = 0.0, 0.0
    for found in parts:
        beside = beside_mean(found)
        own = np.einsum("nkk->nk", beside.quadratic)[:, 1:]
        over = over + (beside.linear[:, 1:] ** 2 - own).sum(axis=0)
        noise = noise + 2 * (own**2).sum(axis=0)
    return over / np.sqrt(np.maximum(noise, 1e-30))
