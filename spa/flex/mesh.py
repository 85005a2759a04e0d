"""A regular lattice of tetrahedra over a mask: motions of its vertices move everything in it, piecewise linearly.

Each cube of the lattice is cut into six tetrahedra by the order of a point's coordinates (Freudenthal, Ann. Math. 43
(1942) 580), so that neighbours fit face to face and a point's barycentric coordinates are differences of its own.
The mesh of Punjani & Fleet, Nat. Methods 20 (2023) 860.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

ACROSS = 20  # cubes along the longest side of the mask
LEAST = 64  # voxels of a mask, for a mesh over it
INSIDE = 0.02  # of the soft mask, where density may be
_ORDERS = np.array(list(permutations(range(3))))


@dataclass(frozen=True, eq=False)
class Mesh:
    """vertices (V, 3) as x, y, z in shares of the box from its centre; edge: of the lattice, in the same shares.

    cells (T, 4): vertices of each tetrahedron; slopes (T, 4, 3): of their barycentric coordinates.
    origin (3,): of the lattice; cubes (a, b, c) bool: which of it are kept.
    """

    vertices: np.ndarray
    edge: float
    cells: np.ndarray
    slopes: np.ndarray
    origin: np.ndarray
    cubes: np.ndarray


@dataclass(frozen=True, eq=False)
class Body:
    """The voxels of a grid that lie in a mesh: flat (M,) numbers in the box (z, y, x), cell (M,), and the vertices
    (M, 4) int32 and barycentric coordinates (M, 4) float32 of each."""

    box: int
    flat: np.ndarray
    cell: np.ndarray
    corners: np.ndarray
    shares: np.ndarray

    def __len__(self) -> int:
        return len(self.flat)

    def volume(self, values: np.ndarray) -> np.ndarray:
        """The map (n, n, n) of values (M,) in the mesh."""
        out = np.zeros(self.box**3, np.float32)
        out[self.flat] = values
        return out.reshape((self.box,) * 3)

    def values(self, volume: np.ndarray) -> np.ndarray:
        """A map's values (M,) in the mesh."""
        return np.ascontiguousarray(volume.reshape(-1)[self.flat], np.float32)


def _points(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flat numbers (M,) of the voxels inside, and where they are (M, 3), shares of the box."""
    n = len(mask)
    flat = np.flatnonzero(mask.ravel() > INSIDE)
    z, y, x = np.unravel_index(flat, mask.shape)
    return flat, (np.stack([x, y, z], axis=1) - n // 2) / n


def mesh(mask: np.ndarray, across: int = ACROSS) -> Mesh:
    """Over a soft mask (n, n, n); across: cubes along its longest side."""
    _, at = _points(mask)
    low, high = at.min(axis=0), at.max(axis=0)
    edge = float((high - low).max() + 1 / len(mask)) / across
    size = np.ceil((high - low) / edge).astype(int) + 1
    origin = (low + high) / 2 - size * edge / 2
    cubes = np.zeros(size, bool)
    cubes[tuple(np.floor((at - origin) / edge).astype(int).T)] = True
    kept = np.argwhere(cubes)
    steps = np.zeros((6, 4, 3), int)  # corners of the six tetrahedra of a cube
    for kind, order in enumerate(_ORDERS):
        for corner, axis in enumerate(order, 1):
            steps[kind, corner:, axis] += 1
    corners = (kept[:, None, None] + steps).reshape(-1, 3)
    where = np.ravel_multi_index(tuple(corners.T), tuple(size + 1))
    unique, number = np.unique(where, return_inverse=True)
    vertices = origin + edge * np.stack(np.unravel_index(unique, tuple(size + 1)), axis=1)
    cells = number.reshape(-1, 4).astype(np.int32)
    inverse = np.linalg.inv((edge * (steps[:, 1:] - steps[:, :1])).astype(float))  # columns: slopes of shares 1 … 3
    own = np.concatenate([-inverse.sum(axis=2)[..., None], inverse], axis=2).transpose(0, 2, 1)
    slopes = np.ascontiguousarray(np.tile(own, (len(kept), 1, 1)), np.float32)
    return Mesh(vertices, edge, cells, slopes, origin, cubes)


def body(found: Mesh, mask: np.ndarray) -> Body:
    """The voxels of a mask's grid in a mesh that was made of it or of the same mask on another grid."""
    flat, at = _points(mask)
    place = (at - found.origin) / found.edge
    cube = np.floor(place).astype(int)
    fits = ((cube >= 0) & (cube < found.cubes.shape)).all(axis=1)
    fits[fits] = found.cubes[tuple(cube[fits].T)]
    flat, place, cube = flat[fits], place[fits], cube[fits]
    rest = place - cube
    order = np.argsort(-rest, axis=1, kind="stable")
    falling = np.take_along_axis(rest, order, axis=1)
    shares = -np.diff(np.concatenate([np.ones((len(rest), 1)), falling, np.zeros((len(rest), 1))], axis=1), axis=1)
    kept = np.full(found.cubes.shape, -1)
    kept[found.cubes] = np.arange(int(found.cubes.sum()))
    cell = kept[tuple(cube.T)] * 6 + _coded(order)
    sort = np.argsort(cell, kind="stable")  # voxels of a tetrahedron one after another
    return Body(len(mask), flat[sort], cell[sort], np.ascontiguousarray(found.cells[cell[sort]]),
                np.ascontiguousarray(shares[sort], np.float32))  # fmt: skip


def _coded(order: np.ndarray) -> np.ndarray:
    """Which of the six orders each row is."""
    table = np.zeros(27, int)
    for number, one in enumerate(_ORDERS):
        table[one @ (9, 3, 1)] = number
    return table[order @ np.array([9, 3, 1])]
