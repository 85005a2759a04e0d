"""Normal equations of several maps at once, voxel by voxel: images put in, and maps solved from them (numba).

For regressors u (q,) of each image (grey scale, and grey scale times latent coordinates) a grid point holds
``sum u_k m`` (q complex) and ``sum u_k u_l w`` (q (q + 1) / 2), spread by the trilinear kernel; the maps there solve
``(sum u u^T w + prior) V = sum u m`` (Punjani & Fleet, J. Struct. Biol. 213 (2021) 107702).
"""

from dataclasses import dataclass

import numpy as np

from spa.class3d.sums import blocks_of
from spa.compiled import kernel
from spa.refine.problem import Workers
from spa.vary.views import Views
from spa.volume import insert as into
from spa.volume.cells import CHUNK, place, run_of
from spa.volume.patches import patches, visits


@dataclass(frozen=True, eq=False)
class Equations:
    """grid (2r+1, 2r+1, r+2, 2 q + q (q+1) / 2) float32: re and im of each right side, then the lower triangle."""

    box: int
    radius: int
    count: int
    grid: np.ndarray


def channels(count: int) -> int:
    """Floats of a grid point for so many maps."""
    return 2 * count + count * (count + 1) // 2


def equations(
    views: Views, rows: np.ndarray, first: np.ndarray, second: np.ndarray, radius: int, workers: Workers
) -> Equations:
    """Closed equations of images rows with the means of u (rows, q) and of u u^T (rows, q, q)."""
    count = first.shape[1]
    low = np.tril_indices(count)
    grid = into.accumulator(views.images.band.box, radius)
    shape = grid.grid.shape[:3]
    sums = Equations(grid.box, grid.radius, count, np.zeros((*shape, channels(count)), np.float32))
    values, weights = first.astype(np.float32), np.ascontiguousarray(second[:, low[0], low[1]], np.float32)
    gathered(sums.grid, views, rows, values, weights, sums.radius, workers)
    return sums


def gathered(
    grid: np.ndarray, views: Views, rows: np.ndarray, first: np.ndarray, second: np.ndarray, radius: int,
    workers: Workers,
) -> None:  # fmt: skip
    """Images rows into a grid: m times each of first (rows, q), w times each of second (rows, p); then closed."""
    band = views.images.band
    count = band.count(radius)
    order = patches(band.kx[:count], band.ky[:count])
    cuts = into.slabs(into.Accumulator(band.box, radius, grid), workers.threads)
    places = blocks_of(np.arange(len(rows)))
    for start in range(0, len(places), 2 * workers.threads):
        some = places[start : start + 2 * workers.threads]
        ready = list(workers.map(lambda at: [order.sown(one) for one in views.block(rows[at], radius)], some))

        def fill(cut: tuple[int, int]) -> None:
            for at, (matched, weight) in zip(some, ready):  # noqa: B023
                hold = np.empty(CHUNK, np.int32), np.empty((5, CHUNK), np.float32), np.empty(2 * grid.shape[3], "f4")
                turns, kx, ky = np.ascontiguousarray(views.poses[rows[at]], np.float32), order.kx, order.ky
                _scatter(
                    grid.reshape(-1), *grid.shape[1:], visits(grid, turns, kx, ky, cut), turns, matched, weight,
                    first[at], second[at], kx, ky, *hold, *cut,
                )  # fmt: skip

        list(workers.map(fill, cuts))
    into.close_plane(grid, first.shape[1])


@kernel(
    "void(f4[::1], i8, i8, i8, i4[::1], f4[:,:,::1], f4[:,:,::1], f4[:,::1], f4[:,::1], f4[:,::1], f4[::1], f4[::1],"
    " i4[::1], f4[:,::1], f4[::1], i8, i8)", fastmath=True,
)  # fmt: skip
def _scatter(grid, ny, nx, floats, visits, poses, matched, weights, first, second, kx, ky, at, v, c, z0, z1):
    one = np.float32(1)
    q, p = first.shape[1], second.shape[1]
    for visit in visits:
        i, start, n = run_of(visit, len(kx), len(at))
        place(poses, i, kx, ky, ny, nx, start, n, at, v)
        for j in range(n):
            iz = int(v[4, j])
            if iz + 1 < z0 or iz >= z1:
                continue
            re, im, w = matched[i, 0, start + j], v[3, j] * matched[i, 1, start + j], weights[i, start + j]
            far = v[0, j]
            for k in range(q):  # of both points along x
                c[2 * k], c[2 * k + 1] = first[i, k] * re, first[i, k] * im
            for k in range(p):
                c[2 * q + k] = second[i, k] * w
            for k in range(floats):
                c[floats + k] = far * c[k]
                c[k] -= c[floats + k]
            for dz in range(2):
                if iz + dz < z0 or iz + dz >= z1:
                    continue
                wz = v[2, j] if dz else one - v[2, j]
                for dy in range(2):
                    wy = wz * (v[1, j] if dy else one - v[1, j])
                    b = (np.int64(at[j]) + (dz * ny + dy) * nx) * floats
                    for k in range(2 * floats):
                        grid[b + k] += wy * c[k]


@kernel("void(f4[:,:,:,::1], f4[:,::1], i2[:,:,::1], i8, f4[:,:,:,:,::1], i8, i8)", allocates=True)
def _solve(grid, prior, shells, radius, out, z0, z1):
    """At each point the Cholesky solution of (triangle + diagonal prior) V = right sides; out (q, z, y, x, 2)."""
    q = out.shape[0]
    low = np.empty((q, q), np.float64)
    y = np.empty((q, 2), np.float64)
    for iz in range(z0, z1):
        for iy in range(grid.shape[1]):
            for ix in range(grid.shape[2]):
                shell = shells[iz, iy, ix]
                if shell > radius:
                    continue
                point = grid[iz, iy, ix]
                at = 2 * q
                for i in range(q):
                    for j in range(i + 1):
                        total = np.float64(point[at])
                        at += 1
                        if i == j:
                            total += prior[i, shell]
                        for k in range(j):
                            total -= low[i, k] * low[j, k]
                        low[i, j] = np.sqrt(max(total, 1e-20)) if i == j else total / low[j, j]
                    for part in range(2):
                        value = np.float64(point[2 * i + part])
                        for k in range(i):
                            value -= low[i, k] * y[k, part]
                        y[i, part] = value / low[i, i]
                for i in range(q - 1, -1, -1):
                    for part in range(2):
                        value = y[i, part]
                        for k in range(i + 1, q):
                            value -= low[k, i] * y[k, part]
                        y[i, part] = value / low[i, i]
                        out[i, iz, iy, ix, part] = y[i, part]


def solved(sums: Equations, prior: np.ndarray, workers: Workers) -> np.ndarray:
    """Maps (q, n, n, n) float32 of closed equations; prior (q, radius + 2): added weight of each map and shell."""
    shape = sums.grid.shape[:3]
    out = np.zeros((sums.count, *shape, 2), np.float32)
    shells = into.shell_index(into.Accumulator(sums.box, sums.radius, sums.grid))
    floor = np.ascontiguousarray(prior, np.float32)
    edges = np.linspace(0, shape[0], 4 * workers.threads + 1).astype(int)
    list(workers.map(lambda cut: _solve(sums.grid, floor, shells, sums.radius, out, *cut), zip(edges[:-1], edges[1:])))
    return np.stack(list(workers.map(lambda one: _volume(sums, one), out)))


def _volume(sums: Equations, values: np.ndarray) -> np.ndarray:
    """The volume (n, n, n) of coefficients (…, 2) on the oversampled grid."""
    grid = np.ones((*values.shape[:3], 3), np.float32)
    grid[..., :2] = values
    return into.solve(into.Accumulator(sums.box, sums.radius, grid), np.zeros(sums.radius + 2))


def weights_of(sums: Equations, number: int) -> np.ndarray:
    """Mean weight of one map's own equation in each shell 0 … radius + 1."""
    grid = np.zeros((*sums.grid.shape[:3], 3), np.float32)
    grid[..., 2] = sums.grid[..., 2 * sums.count + number * (number + 3) // 2]
    return into.Accumulator(sums.box, sums.radius, grid).shell_weight()
