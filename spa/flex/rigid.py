"""How far a motion is from rigid: in each tetrahedron, the distance of the deformation's gradient from the rotations.

The nearest rotation is found by Newton's iteration of the polar decomposition (Higham, SIAM J. Sci. Stat. Comput. 7
(1986) 1160), two or three means with the inverse's transpose; and of what is all but flat or turned inside out by
turning towards it (Muller et al., Motion in Games 2016, 55), which never ends in a reflection. The squared distance's
slope is twice the difference from it.
"""

from collections.abc import Callable, Iterable

import numpy as np

from spa.compiled import inner, kernel
from spa.flex.mesh import Mesh

TURNS = 30  # of a rotation towards the nearest, at most; it starts at that of the tetrahedron before
STILL = 1e-4  # radians
LEAST = 0.1  # of its volume, that a tetrahedron keeps: its rotation is then found by Newton's iteration
NEAR = 1e-6  # squared length of a step of that, whose next is as much smaller again


@inner
def _halved(f, r):
    """r: the rotation nearest to f, by Newton's iteration; f must not reflect."""
    for a in range(3):
        for b in range(3):
            r[a, b] = f[a, b]
    for _ in range(TURNS):
        c00, c01 = r[1, 1] * r[2, 2] - r[1, 2] * r[2, 1], r[1, 2] * r[2, 0] - r[1, 0] * r[2, 2]
        c02, c10 = r[1, 0] * r[2, 1] - r[1, 1] * r[2, 0], r[0, 2] * r[2, 1] - r[0, 1] * r[2, 2]
        c11, c12 = r[0, 0] * r[2, 2] - r[0, 2] * r[2, 0], r[0, 1] * r[2, 0] - r[0, 0] * r[2, 1]
        c20, c21 = r[0, 1] * r[1, 2] - r[0, 2] * r[1, 1], r[0, 2] * r[1, 0] - r[0, 0] * r[1, 2]
        c22 = r[0, 0] * r[1, 1] - r[0, 1] * r[1, 0]
        over = 0.5 / (r[0, 0] * c00 + r[0, 1] * c01 + r[0, 2] * c02)
        d00, d01, d02 = over * c00 - 0.5 * r[0, 0], over * c01 - 0.5 * r[0, 1], over * c02 - 0.5 * r[0, 2]
        d10, d11, d12 = over * c10 - 0.5 * r[1, 0], over * c11 - 0.5 * r[1, 1], over * c12 - 0.5 * r[1, 2]
        d20, d21, d22 = over * c20 - 0.5 * r[2, 0], over * c21 - 0.5 * r[2, 1], over * c22 - 0.5 * r[2, 2]
        r[0, 0], r[0, 1], r[0, 2] = r[0, 0] + d00, r[0, 1] + d01, r[0, 2] + d02
        r[1, 0], r[1, 1], r[1, 2] = r[1, 0] + d10, r[1, 1] + d11, r[1, 2] + d12
        r[2, 0], r[2, 1], r[2, 2] = r[2, 0] + d20, r[2, 1] + d21, r[2, 2] + d22
        moved = d00 * d00 + d01 * d01 + d02 * d02 + d10 * d10 + d11 * d11 + d12 * d12
        if moved + d20 * d20 + d21 * d21 + d22 * d22 < NEAR:
            break


@inner
def _turned(f, r, g, turn):
    """r: the rotation nearest to f, from one that is near it; g, turn: room."""
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
        bulk = f[0, 0] * (f[1, 1] * f[2, 2] - f[1, 2] * f[2, 1]) - f[0, 1] * (f[1, 0] * f[2, 2] - f[1, 2] * f[2, 0])
        if bulk + f[0, 2] * (f[1, 0] * f[2, 1] - f[1, 1] * f[2, 0]) > LEAST:
            _halved(f, r)
        else:
            _turned(f, r, g, turn)
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
