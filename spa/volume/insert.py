"""The adjoint of slicing: images put back into an oversampled half volume, and the volume solved from it.

Accumulated per grid point: sum w CTF X / s^2 (complex) and sum w CTF^2 / s^2, both spread by the trilinear kernel.
Source: Scheres, J. Struct. Biol. 180 (2012) 519, for the weighted solution.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from spa.compiled import kernel
from spa.volume import orbits
from spa.volume.cells import CHUNK
from spa.volume.padded import map_of, padded_bytes
from spa.volume.patches import visits
from spa.volume.scatter import ramp_tables, scatter
from spa.volume.slices import PADDING, correct_kernel, grid_radius


@dataclass(frozen=True, eq=False)
class Accumulator:
    """Sums on the padded half grid: (2r+1, 2r+1, r+2, 3) float32 re, im, weight.

    kernels: how often the trilinear kernel has smoothed them, once on insertion, once more by each turn of the grid.
    """

    box: int
    radius: int
    grid: np.ndarray
    kernels: int = 1

    def shell_weight(self) -> np.ndarray:
        """Mean accumulated weight in each shell 0 … radius + 1."""
        r, width = len(self.grid) // 2, self.grid.shape[2]
        total = np.zeros(self.radius + 3)
        _weight_of_shells(self.grid, _shells_to_beyond(self.radius), total)
        return total[:-1] / np.maximum(shell_points(r, width, self.radius), 1)

    def plus(self, other: "Accumulator") -> "Accumulator":
        """These sums and others of the same band."""
        return replace(self, grid=self.grid + other.grid)

    def take(self, other: "Accumulator") -> "Accumulator":
        """Itself, with others of the same band added."""
        np.add(self.grid, other.grid, out=self.grid)
        return self


def accumulator(box: int, radius: int) -> Accumulator:
    """Empty sums for image shells up to radius."""
    radius = min(radius, box // 2 - 1)
    return Accumulator(box, radius, np.zeros(grid_shape(box, radius), np.float32))


def widened(grid: np.ndarray, box: int, radius: int) -> np.ndarray:
    """The grid of an accumulator with room for shells up to a radius."""
    new = accumulator(box, radius).grid
    more = (len(new) - len(grid)) // 2
    inside = slice(more, more + len(grid))
    new[inside, inside, : grid.shape[2]] = grid
    return new


def grid_shape(box: int, radius: int) -> tuple[int, int, int, int]:
    """Of the sums of image shells up to radius."""
    r = min(grid_radius(radius), PADDING * box // 2 - 1)
    return 2 * r + 1, 2 * r + 1, r + 2, 3


@dataclass(frozen=True, eq=False)
class Samples:
    """What is inserted where: image rows (m,), poses (m, 3, 3), shifts (m, 2) pixels to undo, weights (m,)."""

    rows: np.ndarray
    poses: np.ndarray
    shifts: np.ndarray
    weights: np.ndarray


def _slabs(depth: int, parts: int) -> list[tuple[int, int]]:
    """Cuts of z that share the samples of uniformly turned discs evenly (their density falls linearly from z = 0)."""
    share = np.linspace(0, 1, parts + 1)
    cut = np.where(share < 0.5, -1 + np.sqrt(2 * share), 1 - np.sqrt(2 * (1 - share)))
    edges = np.rint((cut + 1) / 2 * depth).astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist()))


def slabs(sums: Accumulator, parts: int) -> list[tuple[int, int]]:
    """Ranges of z to be filled at once by as many calls of `insert`; the sums do not depend on how many there are."""
    return _slabs(len(sums.grid), parts)


def insert(
    sums: Accumulator, samples: Samples, values: np.ndarray, weights: np.ndarray, kx: np.ndarray, ky: np.ndarray,
    slab: tuple[int, int] | None = None,
) -> None:  # fmt: skip
    """Add images, values (n, 2, K) and weights (n, K) at integer kx, ky (K,), to a slab of z (default: all).

    Many at once, and in the order of `patches`, are the quicker. A cell's terms are added in the same order, whatever
    the slabs.
    """
    if not len(samples.rows):
        return
    grid, kx, ky = sums.grid, kx.astype(np.float32), ky.astype(np.float32)
    poses = np.ascontiguousarray(samples.poses, np.float32)
    scatter(
        grid.reshape(-1), grid.shape[1], grid.shape[2], visits(grid, poses, kx, ky, slab),
        np.ascontiguousarray(samples.rows, np.int64), poses, ramp_tables(samples.shifts, sums.radius + 1, sums.box),
        np.ascontiguousarray(samples.weights, np.float32), values, weights, kx, ky, np.empty(CHUNK, np.int32),
        np.empty((8, CHUNK), np.float32), *(slab or (0, len(grid))),
    )  # fmt: skip


def close(sums: Accumulator) -> None:
    """Once after the last insertion, before anything else: what fell on one side of the plane x = 0 belongs to both."""
    close_plane(sums.grid, 1)


def close_plane(grid: np.ndarray, pairs: int) -> None:
    """The same of a grid (2r+1, 2r+1, r+2, floats) whose first `pairs` twos of floats are real and imaginary parts."""
    plane = grid[:, :, 0]
    sign = np.ones(plane.shape[-1], np.float32)
    sign[1 : 2 * pairs : 2] = -1
    plane += sign * plane[::-1, ::-1]


def added(
    sums: Accumulator, operators: np.ndarray, run: Callable[..., Iterable] = map, exact: np.ndarray | None = None
) -> Accumulator:
    """The (closed) sums at each of some operators (g, 3, 3), added; slabs of z go to `run`, a pool's map.

    exact: operators (e, 3, 3) that carry the grid into itself, and that what comes out is symmetric over: one point of
    each of their orbits is computed.
    """
    from spa.volume.turned import average  # compiled where there is a symmetry

    out = np.zeros(sums.grid.shape, np.float32)
    exact = np.eye(3)[None] if exact is None else exact
    turned, normals = np.ascontiguousarray(operators, np.float32), orbits.wedge(exact, len(out))
    limit = orbits.turned_within(len(out))
    list(run(lambda slab: average(sums.grid, out, turned, normals, limit, *slab), orbits.slabs(len(out))))
    if len(exact) > 1:
        orbits.spread(out, exact, normals, limit, run)
    return Accumulator(sums.box, sums.radius, out, sums.kernels + 1)


def _turned_in_planes(sums: Accumulator, turns: np.ndarray, run: Callable[..., Iterable], exact: np.ndarray) -> None:
    """`added` in place, of turns that leave each plane z where it is or where -z was: planes go two by two."""
    from spa.volume.spun import spun  # compiled where there is such a symmetry

    grid, middle = sums.grid, len(sums.grid) // 2
    operators, normals = np.ascontiguousarray(turns, np.float32), orbits.wedge(exact, len(grid))
    planes, limit = grid.reshape(len(grid), -1), orbits.turned_within(len(grid))

    def both(z: int) -> None:
        found, row = np.empty((2, *grid.shape[1:]), np.float32), np.empty((3, grid.shape[2]), np.float32)
        for one, out in zip((z, -z), found):
            spun(planes, out, operators, normals, limit, one, row)
        grid[[middle + z, middle - z]] = found

    list(run(both, range(middle + 1)))
    if len(exact) > 1:
        orbits.spread(grid, exact, normals, limit, run)


def symmetrised(sums: Accumulator, operators: np.ndarray, run: Callable[..., Iterable] = map) -> Accumulator:
    """The (closed) sums, which are used up, added over a point group's operators (g, 3, 3).

    Operators that carry the grid into itself need no interpolation: the others are one of each of their cosets.
    """
    exact, turns = parted(operators)
    if len(exact) > 1:
        orbits.summed(sums.grid, exact, run)
    if len(turns) == 1:
        return sums
    turns = turns.transpose(0, 2, 1).astype(np.float32)
    if np.any(np.abs(turns[:, 2, 2]) != 1) or np.any(turns[:, 2, :2]) or np.any(turns[:, :2, 2]):
        return added(sums, turns, run, exact)
    _turned_in_planes(sums, turns, run, exact)
    return replace(sums, kernels=sums.kernels + 1)


def each_symmetrised(
    sums: list[Accumulator], operators: np.ndarray, run: Callable[..., Iterable] = map
) -> list[Accumulator]:
    """`symmetrised` of each of a list, which is emptied on the way: there is room for one more at a time."""
    found = []
    while sums:
        found.append(symmetrised(sums.pop(0), operators, run))
    return found


def parted(operators: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Operators (e, 3, 3) that permute the axes, signs aside, and (c, 3, 3): each operator is one of these times one
    of those, and its inverse one of those times one of these turned back."""
    exact = np.rint(operators[np.abs(operators - np.rint(operators)).max(axis=(1, 2)) < 1e-6])
    turns: list[np.ndarray] = []
    for one in operators:
        if not turns or min(np.abs(turn @ exact - one).max(axis=(1, 2)).min() for turn in turns) > 1e-6:
            turns.append(one)
    return exact, np.stack(turns)


def shell_index(sums: Accumulator) -> np.ndarray:
    """Image shell of each point of the padded grid (…) int16; not to be written to."""
    return _shell_index(len(sums.grid), sums.grid.shape[2])


@lru_cache(maxsize=2)
def _shell_index(n: int, width: int) -> np.ndarray:
    z, x = np.arange(-(n // 2), n // 2 + 1, dtype=np.float32) ** 2, np.arange(width, dtype=np.float32) ** 2
    return np.rint(np.sqrt(z[:, None, None] + z[:, None] + x) / PADDING).astype(np.int16)


def _shells_by_square(radius: int) -> np.ndarray:
    """Image shell of points of the padded grid by their squared distance from its origin, up to the band's rim."""
    far = np.arange((PADDING * (radius + 1.5)) ** 2, dtype=np.float32)
    return np.rint(np.sqrt(far) / PADDING).astype(np.int64)


@lru_cache(maxsize=8)
def shell_points(r: int, width: int, radius: int) -> np.ndarray:
    """How many points of a grid (2r+1, 2r+1, width) are in each shell 0 … radius + 1."""
    shells, both = _shells_to_beyond(radius), np.where(np.arange(r + 1) > 0, 2.0, 1.0)
    plane, count = (np.arange(r + 1) ** 2)[:, None] + np.arange(width) ** 2, np.zeros(radius + 3)
    for z in range(r + 1):
        there = shells[np.minimum(plane + z * z, len(shells) - 1)]
        count += np.bincount(there.ravel(), np.repeat(both * both[z], width), len(count))
    return count[:-1]


def _shells_to_beyond(radius: int) -> np.ndarray:
    """Shells by squared distance as above, and at the end one for all beyond the rim."""
    return np.append(_shells_by_square(radius), radius + 2)


@kernel("void(f4[:,:,:,::1], i8[::1], f8[::1])")
def _weight_of_shells(grid, shells, total):
    """Adds the weights of sums to those of their shells, total (shells,)."""
    r, last = len(grid) // 2, len(shells) - 1
    for z in range(-r, r + 1):
        for y in range(-r, r + 1):
            square = z * z + y * y
            for x in range(grid.shape[2]):
                total[shells[min(square + x * x, last)]] += grid[z + r, y + r, x, 2]


@kernel("void(f4[:,:,:,::1], f4[::1], f4, i8[:,::1], f4[:,::1])", fastmath=True)
def _divided(grid, added, factor, pieces, out):
    """Sums over their weights and what is added at a squared distance. Pieces (k, 4): a plane y, so many of its columns
    x from a first on, to columns of out from another on.

    out (2r+1 or more, z wrapped; re and im of each column): of zeros.
    """
    r, size, least = len(grid) // 2, len(out), np.float32(1e-20)
    for piece in pieces:
        y, first, count, lane = piece
        for z in range(-r, r + 1):
            row = z if z >= 0 else size + z
            square = z * z + (y - r) * (y - r)
            for x in range(first, first + count):
                at = square + x * x
                if x >= grid.shape[2] or at >= len(added):
                    break
                weight = grid[z + r, y, x, 2] + added[at]
                scale = factor / (weight if weight > least else least)
                j = 2 * (lane + x - first)
                out[row, j], out[row, j + 1] = grid[z + r, y, x, 0] * scale, grid[z + r, y, x, 1] * scale


def solve(sums: Accumulator, prior: np.ndarray, threads: int = 1) -> np.ndarray:
    """Volume (box, box, box) float32 of closed sums: num / (weight + prior[shell]), kernel corrected.

    prior: (radius + 2,) added weight a shell; it must be positive where weights can vanish.
    """
    box, r = sums.box, len(sums.grid) // 2
    shells = _shells_by_square(sums.radius)
    added = np.where(shells <= sums.radius, prior[np.minimum(shells, sums.radius)], np.inf).astype(np.float32)
    factor = 1 / (box**2 * PADDING**3)

    def fill(pieces: np.ndarray, out: np.ndarray) -> None:
        _divided(sums.grid, added, factor, pieces, out.view(np.float32))

    volume = map_of(fill, r, box, PADDING * box, threads)
    return correct_kernel(volume, sums.kernels)


def accumulator_bytes(box: int, radius: int) -> int:
    """Memory of the sums up to a radius, as they are and turned, and of the transforms that solve them."""
    return 2 * sums_bytes(box, radius) + padded_bytes(box, grid_radius(radius)) + 12 * box**3


def sums_bytes(box: int, radius: int) -> int:
    """Memory of the sums up to a radius alone."""
    return 4 * int(np.prod(grid_shape(box, radius)))
