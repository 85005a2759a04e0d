"""Grids of orientations on SO(3), restricted to the asymmetric unit of a point group.

Directions lie on a Fibonacci spiral (Swinbank & Purser, Q. J. R. Meteorol. Soc. 132 (2006) 1769), each with its own
offset of the in-plane angle, so that no two directions are sampled at the same psi.
"""

import numpy as np

from spa.volume.rotations import from_rotation_vectors

_GENERIC = np.array([0.2672612419, 0.5345224838, 0.8017837257])  # on no symmetry axis or mirror of any point group


def directions(step: float) -> np.ndarray:
    """(n, 3) unit vectors about `step` radians apart."""
    n = max(4, int(np.ceil(4 * np.pi / step**2)))
    i = np.arange(n) + 0.5
    z = 1 - 2 * i / n
    azimuth = np.pi * (1 + 5**0.5) * i
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), z], axis=1)


def in_asymmetric_unit(views: np.ndarray, operators: np.ndarray) -> np.ndarray:
    """Which directions (n, 3) lie in the Dirichlet cell of a generic vector under operators (g, 3, 3)."""
    images = operators @ _GENERIC
    return views @ _GENERIC >= (views @ images.T).max(axis=1) - 1e-12


def frames(views: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """(n, 3, 3) poses that look along views (n, 3), turned in plane by psi (n,)."""
    z = views
    helper = np.where(np.abs(z[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    x = np.cross(helper, z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.cross(z, x)
    c, s = np.cos(psi)[:, None], np.sin(psi)[:, None]
    return np.stack([c * x + s * y, c * y - s * x, z], axis=1)


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """One rotation matrix, uniform on SO(3) (Shoemake's quaternions)."""
    q = rng.standard_normal(4)
    w, x, y, z = q / np.linalg.norm(q)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def grid(step: float, operators: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 3, 3) float32 poses `step` radians apart over the asymmetric unit, the whole grid turned at random."""
    views = directions(step) @ random_rotation(rng).T
    views = views[in_asymmetric_unit(views, operators)]
    turns = max(1, int(np.ceil(2 * np.pi / step)))
    psi = rng.uniform(0, 2 * np.pi, len(views))[:, None] + 2 * np.pi / turns * np.arange(turns)
    return frames(np.repeat(views, turns, axis=0), psi.ravel()).astype(np.float32)


def shift_grid(step: float, radius: float) -> np.ndarray:
    """(n, 2) shifts in pixels on a square lattice within a disc; the first is 0."""
    m = int(radius / step)
    y, x = np.mgrid[-m : m + 1, -m : m + 1].reshape(2, -1) * step
    inside = np.flatnonzero(x * x + y * y <= radius * radius + 1e-9)
    inside = inside[np.argsort(x[inside] ** 2 + y[inside] ** 2, kind="stable")]
    return np.stack([x[inside], y[inside]], axis=1).astype(np.float32)


def angles_between(a: np.ndarray, b: np.ndarray, operators: np.ndarray | None = None) -> np.ndarray:
    """Smallest rotation (n,) radians from poses a to b (n, 3, 3), over the operators where given."""
    copies = [b] if operators is None else [b @ g for g in operators]
    trace = np.max([np.einsum("nij,nij->n", a, c) for c in copies], axis=0)
    return np.arccos(np.clip((trace - 1) / 2, -1, 1))


def turned(poses: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Poses (n, 3, 3) turned by small vectors (n, 3) in the image's frame: E(w)^T A."""
    return np.swapaxes(from_rotation_vectors(turns), -1, -2) @ poses
