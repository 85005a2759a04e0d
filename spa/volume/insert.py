"""The adjoint of slicing: images put back into an oversampled half volume, and the volume solved from it.

Accumulated per grid point: sum w CTF X / s^2 (complex) and sum w CTF^2 / s^2, both spread by the trilinear kernel.
Source: Scheres, J. Struct. Biol. 180 (2012) 519, for the weighted solution.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spa.image import fft
from spa.volume.cells import CHUNK
from spa.volume.scatter import ramp_tables, scatter
from spa.volume.slices import PADDING, coarse_box, correct_kernel, grid_radius, regridded


@dataclass(frozen=True, eq=False)
class Accumulator:
    """Sums on the padded half grid: (2r+1, 2r+1, r+2, 4) float32 re, im, weight, unused.

    kernels: how often the trilinear kernel has smoothed them, once on insertion, once more by each turn of the grid.
    """

    box: int
    radius: int
    grid: np.ndarray
    kernels: int = 1


def accumulator(box: int, radius: int) -> Accumulator:
    """Empty sums for image shells up to radius."""
    radius = min(radius, box // 2 - 1)
    return Accumulator(box, radius, np.zeros(grid_shape(box, radius), np.float32))


def grid_shape(box: int, radius: int) -> tuple[int, int, int, int]:
    """Of the sums of image shells up to radius."""
    r = min(grid_radius(radius), PADDING * box // 2 - 1)
    return 2 * r + 1, 2 * r + 1, r + 2, 4


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

    A cell's terms are added in the samples' order, whatever the slabs.
    """
    if not len(samples.rows):
        return
    grid = sums.grid
    scatter(
        grid.reshape(-1), grid.shape[1], grid.shape[2], np.ascontiguousarray(samples.rows, np.int64),
        np.ascontiguousarray(samples.poses, np.float32), ramp_tables(samples.shifts, sums.radius + 1, sums.box),
        np.ascontiguousarray(samples.weights, np.float32), values, weights, kx.astype(np.float32),
        ky.astype(np.float32), np.empty(CHUNK, np.int32), np.empty((9, CHUNK), np.float32),
        *(slab or (0, len(grid))),
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
    sums: Accumulator, operators: np.ndarray, run: Callable[..., Iterable] = map, flip: np.ndarray | None = None,
    exact: bool = False,
) -> Accumulator:  # fmt: skip
    """The (closed) sums at each of some operators (g, 3, 3), added; slabs of z go to `run`, a pool's map.

    flip: one of FLIPS that what comes out is symmetric over: half of it is computed. exact: whether the operators carry
    the grid into itself: nothing is interpolated, up to its corners.
    """
    from spa.volume.turned import average  # compiled where there is a symmetry

    out = np.zeros(sums.grid.shape, np.float32)
    turned = np.ascontiguousarray(operators, np.float32)
    edge = np.float32(3 * len(out) ** 2 if exact else (len(out) // 2 - 1) ** 2)
    edges = np.linspace(0 if flip is None else len(out) // 2, len(out), 9).astype(int)
    list(run(lambda slab: average(sums.grid, out, turned, edge, *slab), list(zip(edges[:-1], edges[1:]))))
    if flip is not None:
        _flip(out, flip)
    return Accumulator(sums.box, sums.radius, out, sums.kernels + (not exact))


FLIPS = np.array([np.diag([1, -1, -1]), np.diag([-1, -1, 1])])  # with Friedel's law, z < 0 follows from z > 0


def _flip(grid: np.ndarray, operator: np.ndarray) -> None:
    """Planes z < 0 of a half grid (z, y, x, re/im/weight) that is symmetric over one of FLIPS, from those z > 0."""
    below, above = grid[: len(grid) // 2], grid[: len(grid) // 2 : -1]
    if operator[0, 0] > 0:
        below[:] = above[:, ::-1]
    else:  # it goes to x < 0: the conjugate of the opposite point
        np.multiply(above, np.array([1, -1, 1, 1], np.float32), out=below)


def symmetrised(sums: Accumulator, operators: np.ndarray, run: Callable[..., Iterable] = map) -> Accumulator:
    """The (closed) sums added over a point group's operators (g, 3, 3).

    Operators that carry the grid into itself need no interpolation: the others are one of each of their cosets.
    """
    exact, turns, flip = steps(operators)
    if len(exact) > 1:
        sums = added(sums, exact, run, flip, exact=True)
    return added(sums, turns, run, flip) if len(turns) > 1 else sums


def steps(operators: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Operators (e, 3, 3) to add sums over first, exactly, then (c, 3, 3), and the flip that both leave, if any."""
    exact, turns = parted(operators)
    flip = next((one for one in FLIPS if (np.abs(exact - one) < 1e-6).all(axis=(1, 2)).any()), None)
    return exact, turns.transpose(0, 2, 1), flip  # an operator's inverse is an exact one times one of the turned back


def parted(operators: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Operators (e, 3, 3) that permute the axes, signs aside, and (c, 3, 3): each operator is one of these times one
    of those."""
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


@lru_cache(maxsize=8)
def _shell_counts(n: int, width: int) -> np.ndarray:
    return np.bincount(_shell_index(n, width).ravel())


def _shells(n: int, width: int) -> int:
    """How many shells a padded grid reaches over."""
    return len(_shell_counts(n, width))


def shell_weight(sums: Accumulator) -> np.ndarray:
    """Mean accumulated weight in each shell 0 … radius + 1."""
    shell = shell_index(sums).ravel()
    size = sums.radius + 2
    weight = np.bincount(shell, sums.grid[..., 2].ravel(), minlength=size)[:size]
    return weight / np.maximum(_shell_counts(*sums.grid.shape[1:3])[:size], 1)


def solve(sums: Accumulator, prior: np.ndarray, threads: int = 1) -> np.ndarray:
    """Volume (box, box, box) float32 of closed sums: num / (weight + prior[shell]), kernel corrected.

    prior: (radius + 2,) added weight a shell; it must be positive where weights can vanish. Sums of few shells are
    solved on as coarse a grid as holds them.
    """
    box = coarse_box(sums.radius, sums.box)
    size = PADDING * box
    added = np.full(_shells(*sums.grid.shape[1:3]), np.inf, np.float32)  # nothing beyond the last shell
    added[: sums.radius + 1] = prior[: sums.radius + 1]
    scale = added[shell_index(sums)]
    scale += sums.grid[..., 2]
    np.maximum(scale, np.float32(1e-20), out=scale)
    # a coarse grid has fewer voxels for the same transform
    np.divide(np.float32(box**3 / sums.box**2), scale, out=scale)
    values = np.empty(scale.shape, np.complex64)
    np.multiply(sums.grid[..., 0], scale, out=values.real)
    np.multiply(sums.grid[..., 1], scale, out=values.imag)
    spectrum = np.zeros((size, size, size // 2 + 1), np.complex64)
    r, width = len(sums.grid) // 2, min(sums.grid.shape[2], size // 2 + 1)
    for to_z, from_z in _wrapped(r):
        for to_y, from_y in _wrapped(r):
            spectrum[to_z, to_y, :width] = values[from_z, from_y, :width]
    volume = _unpad(fft.irfft3(spectrum, size, threads), box)
    for _ in range(sums.kernels):
        volume = correct_kernel(volume)
    return regridded(volume, sums.box, threads)


def _wrapped(r: int) -> list[tuple[slice, slice]]:
    """Where indices -r ... r of a centred axis lie on one whose origin is index 0: (there, here) of either part."""
    return [(slice(0, r + 1), slice(r, 2 * r + 1)), (slice(-r, None), slice(0, r))]


def _unpad(padded: np.ndarray, box: int) -> np.ndarray:
    """The central box of a padded array whose origin is index 0; its origin is pixel box//2."""
    rows = np.arange(-(box // 2), box - box // 2) % len(padded)
    return np.ascontiguousarray(padded[np.ix_(rows, rows, rows)])


def accumulator_bytes(box: int, radius: int) -> int:
    """Memory of the sums up to a radius, and of the padded transforms that solve them."""
    r = grid_radius(radius)
    return 16 * (2 * r + 1) ** 2 * (r + 2) * 2 + 12 * (PADDING * box) ** 3
