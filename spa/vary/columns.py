"""The subspace of variation from columns of the covariance of volumes' Fourier coefficients.

With the covariance S of what volumes have beyond the mean, images' products satisfy ``E[x(p') conj(x(p))] = C C S``
for each pair of coefficients: a column of S (p near one frequency k) is found by least squares as a reconstruction in
which each image that passes near k is weighted by what it shows there, less what noise shows.  Columns of both
half-sets, weighted shell by shell by how far they agree, span what varies (Katsevich et al., SIAM J. Imaging Sci. 8
(2015) 126; Anden & Singer, SIAM J. Imaging Sci. 11 (2018) 1441; Gilles & Singer, PNAS 122 (2025) e2419140122).
"""

from dataclasses import dataclass

import numpy as np

from spa.class3d.sums import blocks_of
from spa.compiled import kernel
from spa.image import fft
from spa.refine.problem import Workers
from spa.vary.views import Views
from spa.volume import insert as into
from spa.volume.cells import CHUNK, place
from spa.volume.shells import apply_radial, shell_products
from spa.volume.slices import reference, slices

FLOATS = 5  # re and im of the column with the real part, and with the imaginary part; weight
PULL = 1.0  # of images' grey scales towards the mean, in units of what one image knows of its own
WIDTH = 1.0  # cycles a box about k that a column looks at


@dataclass(frozen=True)
class Plan:
    """How many columns; how many of their directions are kept; in shells up to radius."""

    columns: int
    kept: int
    radius: int


def frequencies(radius: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 3) integer frequencies (x, y, z) of one half space, far apart, denser towards the origin."""
    k = np.arange(-radius, radius + 1)
    z, y, x = (axis.ravel() for axis in np.meshgrid(k, k, k, indexing="ij"))
    far = x**2 + y**2 + z**2
    half = (far > 0) & (far <= radius**2) & ((x > 0) | ((x == 0) & ((y > 0) | ((y == 0) & (z > 0)))))
    points = np.stack([x, y, z], axis=1)[half].astype(float)
    if len(points) <= count:
        return points
    spacing = np.sqrt(far[half])
    kept = [int(np.lexsort((rng.random(len(points)), spacing))[0])]
    near = np.full(len(points), np.inf)
    for _ in range(count - 1):
        last = points[kept[-1]]
        away = np.minimum(((points - last) ** 2).sum(axis=1), ((points + last) ** 2).sum(axis=1))
        near = np.minimum(near, away / spacing**1.5)
        kept.append(int(np.argmax(near)))
    return points[kept]


@kernel(
    "void(f4[:,:,:,:,::1], f4[:,:,::1], f4[:,:,::1], f4[:,::1], f4[::1], f4[::1], f4[:,::1], i8, f4, i4[::1],"
    " f4[:,::1], f4[::1])", fastmath=True,
)  # fmt: skip
def _column(grids, poses, matched, weights, kx, ky, wanted, number, width, at, v, share):
    """Images into column `number` of grids (columns, z, y, x, FLOATS)."""
    one, half = np.float32(1), np.float32(0.5)
    grid = grids[number].reshape(-1)
    ny, nx = grids.shape[2], grids.shape[3]
    k0, k1, k2 = wanted[number, 0], wanted[number, 1], wanted[number, 2]
    for i in range(len(poses)):
        a = poses[i]
        off = a[2, 0] * k0 + a[2, 1] * k1 + a[2, 2] * k2
        if abs(off) >= width:
            continue
        px, py = a[0, 0] * k0 + a[0, 1] * k1 + a[0, 2] * k2, a[1, 0] * k0 + a[1, 1] * k1 + a[1, 2] * k2
        re, im, seen = np.float32(0), np.float32(0), np.float32(0)
        for j in range(len(kx)):
            share[j] = np.float32(0)
            for side in range(2):
                sign = one if side == 0 else -one
                dx, dy = kx[j] - sign * px, ky[j] - sign * py
                far = dx * dx + dy * dy + off * off
                if far >= width * width:
                    continue
                s = (one - np.sqrt(far) / width) * sign
                re += abs(s) * matched[i, 0, j]
                im += s * matched[i, 1, j]
                seen += abs(s) * weights[i, j]
                share[j] = s
        if seen <= np.float32(0):
            continue
        for start in range(0, len(kx), len(at)):
            n = len(at) if start + len(at) <= len(kx) else len(kx) - start
            place(poses, i, kx, ky, ny, nx, start, n, at, v)
            for j in range(n):
                x, y, w = matched[i, 0, start + j], matched[i, 1, start + j], weights[i, start + j]
                s, sign = share[start + j] * half * w, v[3, j]
                c0, c1 = x * re - abs(s), sign * y * re
                c2, c3 = x * im, sign * (y * im - s)
                c4 = w * seen
                for dz in range(2):
                    wz = v[2, j] if dz else one - v[2, j]
                    for dy in range(2):
                        wy = wz * (v[1, j] if dy else one - v[1, j])
                        b = 5 * (np.int64(at[j]) + (dz * ny + dy) * nx)
                        for dx in range(2):
                            t = wy * (v[0, j] if dx else one - v[0, j])
                            grid[b] += t * c0
                            grid[b + 1] += t * c1
                            grid[b + 2] += t * c2
                            grid[b + 3] += t * c3
                            grid[b + 4] += t * c4
                            b += 5


def columns(
    views: Views, rows: np.ndarray, mean: np.ndarray, wanted: np.ndarray, radius: int, region: np.ndarray,
    workers: Workers,
) -> np.ndarray:  # fmt: skip
    """(2 d, n, n, n): covariances with real and imaginary parts of the wanted frequencies (d, 3) by images rows."""
    band = views.images.band
    count = band.count(radius)
    kx, ky = band.kx[:count].astype(np.float32), band.ky[:count].astype(np.float32)
    empty = into.accumulator(band.box, radius)
    grids = np.zeros((len(wanted), *empty.grid.shape[:3], FLOATS), np.float32)
    source = reference(mean, radius)

    def left(mine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        matched, weight = views.block(mine, radius)
        cut = slices(source, views.poses[mine], kx, ky)
        cross, norm = (matched * cut).sum(axis=(1, 2)), (weight[:, None] * cut**2).sum(axis=(1, 2))
        scale = (cross + PULL * norm.mean()) / (norm + PULL * norm.mean())
        matched -= scale[:, None, None].astype(np.float32) * weight[:, None] * cut
        return matched, weight

    blocks = blocks_of(rows)
    for start in range(0, len(blocks), 8):
        some = blocks[start : start + 8]
        ready = list(workers.map(left, some))

        def fill(number: int) -> None:
            for mine, (matched, weight) in zip(some, ready):  # noqa: B023
                _column(
                    grids, np.ascontiguousarray(views.poses[mine], np.float32), matched, weight, kx, ky,
                    wanted.astype(np.float32), number, np.float32(WIDTH), np.empty(CHUNK, np.int32),
                    np.empty((5, CHUNK), np.float32), np.empty(count, np.float32),
                )  # fmt: skip

        list(workers.map(fill, range(len(wanted))))
    pairs = workers.map(lambda grid: _solved(empty, grid, region), grids)
    return np.concatenate(list(pairs))


def _solved(like: into.Accumulator, grid: np.ndarray, region: np.ndarray) -> np.ndarray:
    """(2, n, n, n): both parts of a column within the region."""
    into.close_plane(grid, 2)
    out = []
    for part in (0, 2):
        mine = np.take(grid, [part, part + 1, 4], axis=-1)
        sums = into.Accumulator(like.box, like.radius, mine)
        weight = sums.shell_weight()
        # a column knows little where few images that pass by its frequency reach: those points are held down
        out.append(into.solve(sums, np.maximum(weight, 1e-3 * weight.max() + 1e-20)) * region)
    return np.stack(out)


def directions(halves: list[np.ndarray], wanted: np.ndarray, plan: Plan) -> list[np.ndarray]:
    """(kept, n, n, n) of each half: orthonormal maps that span its columns (2 d, n, n, n) of frequencies (d, 3).

    Columns are weighted shell by shell by how far halves agree, all those of frequencies of one length together, and
    over what they differ by.
    """
    length = np.repeat(np.rint(np.linalg.norm(wanted, axis=1)).astype(int), 2)
    spectra = [[fft.rfft3(one) for one in half] for half in halves]
    weighted: list[list[np.ndarray]] = [[] for _ in halves]
    for own in np.unique(length):
        here = np.flatnonzero(length == own)
        good = _agreement([[half[i] for i in here] for half in spectra], plan.radius)
        for i in here:
            noise = float(np.linalg.norm(halves[0][i] - halves[1][i]))
            for mine, half in zip(weighted, halves):
                mine.append(apply_radial(half[i], good) / np.float32(max(noise, 1e-30)))
    out = []
    for mine in weighted:
        flat = np.stack(mine).reshape(len(mine), -1)
        values, vectors = np.linalg.eigh(np.asarray(flat @ flat.T, np.float64))
        best = np.argsort(-values)[: plan.kept]
        found = (vectors[:, best] / np.sqrt(np.maximum(values[best], 1e-30))).T.astype(np.float32) @ flat
        out.append(found.reshape(len(best), *mine[0].shape))
    return out


def _agreement(spectra: list[list[np.ndarray]], radius: int) -> np.ndarray:
    """Signal over signal and noise in each shell, of pairs of half spectra (2, columns) together; 0 beyond radius."""
    cross = sum(shell_products(a, b) for a, b in zip(*spectra))
    power = [sum(shell_products(a, a) for a in half) for half in spectra]
    curve = np.maximum(cross / np.maximum(np.sqrt(power[0] * power[1]), 1e-30), 0)
    curve[radius + 1 :] = 0
    curve[:2] = curve[1:3].mean()
    return curve
