"""Operators that carry the oversampled half grid into itself: of each orbit of its points, one is looked at.

With Friedel's law such operators make signed permutations of the axes, up to 48. Of an orbit the point that is furthest
along one direction stands for all; those points fill a convex cone (a Dirichlet domain), here called the wedge.
"""

from collections.abc import Callable, Iterable

import numpy as np

from spa.compiled import inner, kernel

SLABS = 16


def wedge(operators: np.ndarray, n: int) -> np.ndarray:
    """Inward normals (m, 3) int64 (x, y, z) of the wedge of exact operators (e, 3, 3), on a grid of n points a side.

    The direction tells all points apart: x counts first, then y, then z. So the wedge is where x is not negative.
    """
    if len(operators) == 1:
        return np.zeros((0, 3), np.int64)
    along = np.array([n * n, n, 1])
    turns = np.rint(operators).astype(np.int64)
    normals = along - along @ np.concatenate([turns, -turns])
    return np.unique(normals[normals.any(axis=1)], axis=0)


def slabs(n: int) -> list[tuple[int, int]]:
    """Cuts of n planes z that pools work on at once."""
    edges = np.linspace(0, n, SLABS + 1).astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist()))


def summed_within(n: int) -> int:
    """Squared radius that no image reaches on a grid of n points a side: what is beyond need not be summed."""
    return (n // 2 + 2) ** 2


def turned_within(n: int) -> int:
    """Squared radius within which all neighbours of a turned point are on the grid."""
    return (n // 2 - 1) ** 2


def summed(grid: np.ndarray, operators: np.ndarray, run: Callable[..., Iterable] = map) -> None:
    """A closed grid (z, y, x, re/im/weight) added over exact operators (e, 3, 3), in its own place."""
    n = len(grid)
    _over(grid, operators, wedge(operators, n), summed_within(n), True, run)


def spread(
    grid: np.ndarray, operators: np.ndarray, normals: np.ndarray, limit: int, run: Callable[..., Iterable] = map
) -> None:
    """What the wedge of exact operators (its normals) has, within a squared radius, put wherever they carry it."""
    _over(grid, operators, normals, limit, False, run)


def _over(
    grid: np.ndarray, operators: np.ndarray, normals: np.ndarray, limit: int, add: bool, run: Callable[..., Iterable]
) -> None:
    turns = np.rint(operators).astype(np.int64)
    list(run(lambda slab: _orbits(grid, turns, normals, limit, add, *slab), slabs(len(grid))))


@inner
def span(normals, y, z, limit, last):
    """Columns (first, end) of the row y, z, counted from the centre, in the wedge and within a squared radius."""
    square = limit - y * y - z * z
    first, end = 0, 0
    if square < 0:
        return first, end
    end = min(last, int(np.sqrt(square))) + 1
    for k in range(normals.shape[0]):
        slope, rest = normals[k, 0], normals[k, 1] * y + normals[k, 2] * z
        if slope > 0:
            first = max(first, -(rest // slope))
        elif slope < 0:
            end = min(end, rest // -slope + 1)
        elif rest < 0:
            end = 0
    return first, end


@inner
def carried(operator, x, y, z):
    """Where an operator carries a point, or the opposite one where that is in the half grid; the sign of its imaginary
    part there."""
    qx = operator[0, 0] * x + operator[0, 1] * y + operator[0, 2] * z
    qy = operator[1, 0] * x + operator[1, 1] * y + operator[1, 2] * z
    qz = operator[2, 0] * x + operator[2, 1] * y + operator[2, 2] * z
    if qx < 0:
        return -qx, -qy, -qz, np.float32(-1)
    return qx, qy, qz, np.float32(1)


@kernel("void(f4[:,:,:,::1], i8[:,:,::1], i8[:,::1], i8, i8, i8, i8)")
def _orbits(grid, operators, normals, limit, add, z0, z1):
    """Each orbit with its point of the wedge in planes z0 ... z1 - 1 gets what that has, or what all have together."""
    c = grid.shape[0] // 2
    for z in range(z0 - c, z1 - c):
        for y in range(-c, c + 1):
            first, end = span(normals, y, z, limit, grid.shape[2] - 2)
            for x in range(first, end):
                re, im, w = grid[z + c, y + c, x, 0], grid[z + c, y + c, x, 1], grid[z + c, y + c, x, 2]
                for put in range(2):
                    if not put and not add:
                        continue
                    if not put:
                        re = im = w = np.float32(0)
                    for g in range(operators.shape[0]):
                        qx, qy, qz, sign = carried(operators[g], x, y, z)
                        qy, qz = qy + c, qz + c
                        if put:
                            grid[qz, qy, qx, 0], grid[qz, qy, qx, 1], grid[qz, qy, qx, 2] = re, sign * im, w
                            if qx == 0:  # the opposite point is in the half grid, too
                                qy, qz = 2 * c - qy, 2 * c - qz
                                grid[qz, qy, 0, 0], grid[qz, qy, 0, 1], grid[qz, qy, 0, 2] = re, -sign * im, w
                        else:
                            re += grid[qz, qy, qx, 0]
                            im += sign * grid[qz, qy, qx, 1]
                            w += grid[qz, qy, qx, 2]
