"""How far a motion is from rigid: in each tetrahedron, the distance of the deformation's gradient from the rotations.

The nearest rotation is found by turning towards it (Muller et al., Motion in Games 2016, 55), which never ends in a
reflection; the squared distance's slope is twice the difference from it.
"""

from collections.abc import Callable, Iterable

import numpy as np

from spa.compiled import kernel
from spa.flex.mesh import Mesh

TURNS = 30  # of a rotation towards the nearest, at most; it starts at that of the tetrahedron before
STILL = 1e-4  # radians


@kernel("f8(f4[:,::1], i4[:,::1], f4[:,:,::1], f4[::1], f4[:,::1])", allocates=True)
def _energy(moves, cells, slopes, weights, slope):
    total = 0.0
    f, r, g, turn = np.empty((3, 3)), np.eye(3), np.empty((3, 3)), np.empty((3, 3))
    for t in range(len(cells)):
        for a in range(3):
            for b in range(3):
                value = 1.0 if a == b else 0.0
                for c in range(4):
                    value += moves[cells[t, c], a] * slopes[t, c, b]
                f[a, b] = value
        for _ in range(TURNS):
            w0, w1, w2, norm = 0.0, 0.0, 0.0, 1e-9
            for b in range(3):  # columns of r against columns of f
                w0 += r[1, b] * f[2, b] - r[2, b] * f[1, b]
                w1 += r[2, b] * f[0, b] - r[0, b] * f[2, b]
                w2 += r[0, b] * f[1, b] - r[1, b] * f[0, b]
                norm += r[0, b] * f[0, b] + r[1, b] * f[1, b] + r[2, b] * f[2, b]
            norm = max(abs(norm), 1e-3)
            w0, w1, w2 = w0 / norm, w1 / norm, w2 / norm
            angle = np.sqrt(w0 * w0 + w1 * w1 + w2 * w2)
            if angle < STILL:
                break
            x, y, z = w0 / angle, w1 / angle, w2 / angle
            s, c1 = np.sin(angle), 1 - np.cos(angle)
            turn[0, 0], turn[1, 1] = 1 - c1 * (y * y + z * z), 1 - c1 * (x * x + z * z)
            turn[2, 2] = 1 - c1 * (x * x + y * y)
            turn[0, 1], turn[1, 0] = c1 * x * y - s * z, c1 * x * y + s * z
            turn[0, 2], turn[2, 0] = c1 * x * z + s * y, c1 * x * z - s * y
            turn[1, 2], turn[2, 1] = c1 * y * z - s * x, c1 * y * z + s * x
            for a in range(3):
                for b in range(3):
                    g[a, b] = turn[a, 0] * r[0, b] + turn[a, 1] * r[1, b] + turn[a, 2] * r[2, b]
            for a in range(3):
                for b in range(3):
                    r[a, b] = g[a, b]
        for a in range(3):
            for b in range(3):
                g[a, b] = f[a, b] - r[a, b]
                total += weights[t] * g[a, b] * g[a, b]
        for c in range(4):
            for a in range(3):
                value = 0.0
                for b in range(3):
                    value += g[a, b] * slopes[t, c, b]
                slope[cells[t, c], a] += np.float32(2 * weights[t] * value)
    return total


def energy(
    mesh: Mesh, weights: np.ndarray, moves: np.ndarray, run: Callable[..., Iterable] = map
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) weighted squared distances of motions (n, V, 3) from rigid ones, and their slopes (n, V, 3).

    run: a pool's map, over motions.
    """
    slope = np.zeros(moves.shape, np.float32)
    moves = np.ascontiguousarray(moves, np.float32)
    total = run(lambda k: _energy(moves[k], mesh.cells, mesh.slopes, weights, slope[k]), range(len(moves)))
    return np.array(list(total)), slope


def stiffness(mesh: Mesh, cell: np.ndarray, mass: np.ndarray, least: float = 0.1) -> np.ndarray:
    """(T,) float32 weights of the tetrahedra, 1 together: by the mass (M,) >= 0 of the voxels in them (cell (M,)), and
    a share that all have alike."""
    held = np.bincount(cell, mass, minlength=len(mesh.cells))
    held = held / max(held.sum(), 1e-30)
    return ((1 - least) * held + least / len(held)).astype(np.float32)
