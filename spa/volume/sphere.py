"""Directions spread evenly over the sphere, as the vertices of triangles: an icosahedron whose faces are divided."""

from functools import lru_cache

import numpy as np

_GOLDEN = (1 + np.sqrt(5)) / 2


@lru_cache(maxsize=4)
def icosphere(divisions: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (v, 3) x y z and triangles (t, 3) of them; every division quarters each face: v = 10 * 4^d + 2.

    The vertices come in opposite pairs.
    """
    corners = [(0, a, b * _GOLDEN) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([np.roll(corner, turn) for turn in range(3) for corner in corners], float)
    points /= np.linalg.norm(points[0])
    near = points @ points.T > 0.4
    faces = np.array([
        (i, j, k) for i in range(12) for j in range(i + 1, 12) for k in range(j + 1, 12)
        if near[i, j] and near[j, k] and near[i, k]
    ])  # fmt: skip
    for _ in range(divisions):
        points, faces = _divided(points, faces)
    for found in (points, faces):
        found.setflags(write=False)
    return points, faces


def _divided(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, at = np.unique(edges, axis=0, return_inverse=True)
    middle = points[unique].sum(1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    ab, bc, ca = at.reshape(3, -1) + len(points)
    a, b, c = faces.T
    new = np.concatenate([np.stack(one, 1) for one in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    return np.concatenate([points, middle]), new


def body(radii: np.ndarray, divisions: int) -> tuple[float, float]:
    """Surface and volume of the body whose surface lies at radii (v,) along the directions of an icosphere."""
    points, faces = icosphere(divisions)
    a, b, c = np.moveaxis((points * np.asarray(radii)[:, None])[faces], 1, 0)
    cross = np.cross(b - a, c - a)
    return float(np.linalg.norm(cross, axis=1).sum() / 2), float(np.abs((a * np.cross(b, c)).sum(1)).sum() / 6)


def sphericity(radii: np.ndarray, divisions: int) -> float:
    """Surface of a ball of the same volume over the body's own, 1 where all radii are the same.

    Wadell, J. Geol. 43 (1935) 250; for the surface of directional FSC: Tan et al., Nat. Methods 14 (2017) 793.
    """
    surface, volume = body(radii, divisions)
    ball_surface, ball_volume = body(np.ones(len(radii)), divisions)
    return float((volume / ball_volume) ** (2 / 3) * ball_surface / surface)


def neighbours(divisions: int) -> list[np.ndarray]:
    """The vertices that share an edge with each vertex of an icosphere."""
    points, faces = icosphere(divisions)
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    return np.split(pairs[:, 1], np.cumsum(np.bincount(pairs[:, 0], minlength=len(points)))[:-1])


def trough(points: np.ndarray, values: np.ndarray, width: float = 25.0) -> np.ndarray:
    """(3,) the middle of where values (v,), the same of opposite directions (v, 3), are low; width in degrees.

    It is where their average over a Gaussian of that width is least: a region without anything has no lowest place.
    """
    away = np.arccos(np.clip(np.abs(points @ points.T), 0, 1)) / np.deg2rad(width)
    weight = np.exp(-(away**2) / 2)
    return points[((weight @ values) / weight.sum(1)).argmin()]
