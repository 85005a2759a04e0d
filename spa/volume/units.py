"""The asymmetric units of a map: which part of it the rotations of a point group carry into the others."""

import numpy as np

from spa.errors import DataError
from spa.volume.shells import raised_cosine

STARTS = 12  # directions that the search for a unit begins with
ROUNDS = 30


def unit_direction(volume: np.ndarray, operators: np.ndarray) -> np.ndarray:
    """The unit vector (3,) x y z through the middle of one unit of a symmetric map (n, n, n), so that cells about it
    and its copies under operators (g, 3, 3) hold a subunit each as far as they can.

    Spherical k-means with one centre for all units: directions of the density above a fifth of its peak are folded to
    the nearest copy and averaged (Dhillon & Modha, Machine Learning 42 (2001) 143), from several starts.
    """
    directions, weights = _density_directions(volume)
    starts = np.concatenate([directions[np.argsort(-weights)[:1]], _spiral(STARTS)])
    found = [_settled(start, directions, weights, operators) for start in starts]
    return found[int(np.argmax([_held(one, directions, weights, operators) for one in found]))]


def unit_mask(volume: np.ndarray, operators: np.ndarray, edge: float = 2.0) -> np.ndarray:
    """A soft mask (n, n, n) float32 of one unit of a symmetric map: what lies nearer to it than to its copies.

    edge: its width in pixels; the masks of all copies add up to about 1. DataError for C1.
    """
    if len(operators) == 1:
        raise DataError("a map without symmetry has no subunit that could differ from others")
    centre = unit_direction(volume, operators)
    n = len(volume)
    x = (np.arange(n) - n // 2).astype(np.float32)
    inside = np.ones(volume.shape, np.float32)
    for other in operators[1:] @ centre:
        away = other - centre  # the border to this neighbour lies halfway
        if np.linalg.norm(away) < 1e-3:
            raise DataError("the map lies on its symmetry axis: it has no separate subunits")
        away = (away / np.linalg.norm(away)).astype(np.float32)
        depth = x[:, None, None] * away[2] + x[:, None] * away[1] + x * away[0]
        inside = np.minimum(inside, raised_cosine(depth, -edge / 2, edge / 2))
    return inside


def _density_directions(volume: np.ndarray, most: int = 20000) -> tuple[np.ndarray, np.ndarray]:
    """Directions (m, 3) x y z of the voxels with density, and how heavy they are at their distance."""
    level = 0.2 * float(volume.max())
    where = np.argwhere(volume > level)
    where = where[:: max(1, len(where) // most)]
    offset = (where - len(volume) // 2)[:, ::-1].astype(float)
    radius = np.linalg.norm(offset, axis=1)
    far = radius > 1
    weights = volume[tuple(where[far].T)] * radius[far]
    return offset[far] / radius[far, None], weights.astype(float)


def _settled(centre: np.ndarray, directions: np.ndarray, weights: np.ndarray, operators: np.ndarray) -> np.ndarray:
    """The centre when every direction is folded to the copy nearest to it and their mean is taken again."""
    for _ in range(ROUNDS):
        nearest = (directions @ (operators @ centre).T).argmax(axis=1)
        folded = np.einsum("nij,ni->nj", operators[nearest], directions)
        mean = weights @ folded
        mean /= np.linalg.norm(mean)
        if mean @ centre > 1 - 1e-9:
            break
        centre = mean
    return centre


def _held(centre: np.ndarray, directions: np.ndarray, weights: np.ndarray, operators: np.ndarray) -> float:
    """How closely the density stands about the centre's copies."""
    return float(weights @ (directions @ (operators @ centre).T).max(axis=1))


def _spiral(count: int) -> np.ndarray:
    """(count, 3) directions all over the sphere."""
    z = 1 - 2 * (np.arange(count) + 0.5) / count
    turn = np.pi * (1 + 5**0.5) * np.arange(count)
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)
