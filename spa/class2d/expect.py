"""The E-step of a block of images, and the sums that the M-step needs of it.

log p(X | class, psi, t) = 2 Re<C X exp(2 pi i k.t/N), P> - <C^2, |P|^2>, coefficients and CTF divided by the noise:
the first term is a matrix product of shifted images and turned averages, the second of C^2 and |P|^2 (exact,
astigmatism included). The exhaustive pass is coarse; its best cells are split and scored again in the whole band.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from spa.class2d import coarse, fine
from spa.class2d.images import Images
from spa.class2d.model import Model, Partial, sampled, turned
from spa.class2d.plane import Plane
from spa.class2d.sampling import Level
from spa.image.disc import Disc

EVERY = 4  # the noise is measured on every fourth image


def expect(images: Images, rows: np.ndarray, model: Model, shift: np.ndarray, seen: np.ndarray) -> Partial:
    """The E-step of the images `rows`; shift (n, 2) pixels and seen (n,) from earlier iterations."""
    count = images.band.count(model.plane.radius)
    x, c = np.ascontiguousarray(images.planes[rows, :, :count]), images.ctf(rows, count)
    inverse = (1 / model.variance[images.group[rows]][:, images.band.shell[:count]]).astype(np.float32)
    y, c2 = x * (c * inverse)[:, None], c * c * inverse
    known = seen[rows] & np.isfinite(model.window)
    partial = Partial.empty(len(rows), model)
    split = len(model.grids) > 1
    cells = []
    for part in parts(known, coarse.chunk(model)):
        centre = shift[rows[part]] if known[part[0]] else None
        moved = coarse.rows(np.ascontiguousarray(y[part]), c2[part], centre, model)
        if split:
            cells.append(coarse.best_cells(moved, part, model))
        else:
            coarse.sums(moved, part, model, partial)
    if split:
        joined = np.concatenate(cells)
        fine.sums(y, c2, joined[np.lexsort(joined.T[::-1])], model, partial)
        _residual(x, c, images, rows, model, partial)
    return partial


def parts(known: np.ndarray, chunk: int) -> list[np.ndarray]:
    """Positions in the block, a chunk at most, all known or all not."""
    kinds = [np.flatnonzero(known == k) for k in (False, True)]
    return [kind[i : i + chunk] for kind in kinds for i in range(0, len(kind), chunk)]


def _residual(x: np.ndarray, c: np.ndarray, images: Images, rows: np.ndarray, model: Model, partial: Partial) -> None:
    """Power of the images less their best average, by group and shell; left out where it is far beyond most images'."""
    grid, band, some = model.grids[-1], images.band, slice(None, None, EVERY)
    count, half = x.shape[2], grid.level.half
    psi = np.rint((partial.psi[some] - grid.level.psi[0]) / (np.pi / half)).astype(int)
    p = grid.refs[partial.cls[some], psi % half]
    p = p[:, 0] + np.where(psi >= half, -1, 1)[:, None].astype(np.float32) * 1j * p[:, 1]
    phase = partial.shift[some] @ np.stack([band.kx[:count], band.ky[:count]]).astype(np.float32)
    p *= np.exp(np.complex64(-2j * np.pi / band.box) * phase)
    power = np.abs(x[some, 0] + 1j * x[some, 1] - c[some] * p) ** 2
    starts = np.searchsorted(band.shell[:count], np.arange(1, model.plane.radius + 1))
    sums = np.add.reduceat(power, starts, axis=1)
    residual_sums(sums, count, images.group[rows[some]], band, model, partial)


def residual_sums(
    sums: np.ndarray, count: int, group: np.ndarray, band: Disc, model: Model, partial: Partial
) -> None:  # fmt: skip
    """Power (m, shells from 1) of what is left of images, of groups (m,), taken in but for what is beyond most."""
    shells = slice(1, model.plane.radius + 1)
    counts = np.bincount(band.shell[:count], minlength=model.plane.radius + 1)[shells]
    level = sums / counts / model.variance[group][:, shells]
    ordinary = level <= np.median(level, axis=0) * (2 + 6 / np.sqrt(counts))
    np.add.at(partial.residual[:, shells], group, sums * ordinary)
    np.add.at(partial.counted[:, shells], group, counts * ordinary)


Step = Callable[[np.ndarray, np.ndarray, np.ndarray], Partial]


class Expectation:
    """The E-step of an iteration, whose grids are laid out once; then `against` averages, block by block."""

    block = 64  # a batch of four folds has several in each, for as many threads

    def __init__(
        self, plane: Plane, images: Images, levels: Sequence[Level], log_prior: np.ndarray, variance: np.ndarray,
        shift_sigma: float, reach: float, window: float = np.inf, *, threads: int = 1,
    ) -> None:  # fmt: skip
        self.images, self.threads = images, threads
        self.levels = sampled(plane, images, levels)
        self.model = Model(plane, [], log_prior.astype(np.float32), variance, shift_sigma, reach, window, 1.0)

    def model_of(self, grids: np.ndarray) -> Model:
        """Averages (C, cells), turned to every level."""
        return replace(self.model, grids=turned(grids, self.model.plane, self.levels, self.threads))

    def against(self, grids: np.ndarray) -> Step:
        """The E-step against averages (C, cells): of images `rows`, with shift (n, 2) pixels and seen (n,) before."""
        model = self.model_of(grids)
        return lambda rows, shift, seen: expect(self.images, rows, model, shift, seen)
