"""One map of all images at the poses that they have, and what it leaves of each of them.

A class is looked for as a difference from this consensus: with ``m = a C (X - a C P V0) / s^2`` and
``w = a^2 C^2 / s^2`` an image's log likelihood of class k is ``2 Re<m, P D_k> - <w, |P D_k|^2>`` more than that of the
consensus, whatever lies outside the mask in which D_k may differ from 0 (a: the image's grey scale).
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from spa.class3d import scores
from spa.class3d.sums import Part, blocks_of, gathered
from spa.image.disc import shell_mean
from spa.refine.data import Images, Rows, smooth_spectrum
from spa.refine.maximisation import joint_fsc, raw_prior, wiener_prior
from spa.refine.problem import Workers
from spa.search.images import ramps
from spa.volume import insert as into
from spa.volume.fsc import fsc
from spa.volume.slices import Reference, reference, slices

SAMPLE = 2000  # images on which noise and grey scales are measured


@dataclass(frozen=True, eq=False)
class Posed:
    """Images whose poses (n, 3, 3) and shifts (n, 2) in pixels are known; operators (g, 3, 3) of the point group.

    even: images have one grey scale: of a body that all else was subtracted from, one that lacks it would have none.
    """

    images: Images
    poses: np.ndarray
    shifts: np.ndarray
    operators: np.ndarray = field(default_factory=lambda: np.eye(3)[None])
    even: bool = False

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class Consensus:
    """volume (box, box, box): of all images, weighted by the FSC (n//2+1,) of its halves in the mask it was given."""

    volume: np.ndarray
    curve: np.ndarray


def consensus(posed: Posed, noise: np.ndarray, mask: np.ndarray, workers: Workers) -> Consensus:
    """The map of all images; mask (box, box, box): where its halves are compared; noise (groups, shells)."""
    band = posed.images.band
    if workers.engine.device is None:
        sums = into.each_symmetrised(half_sums(posed, noise, workers), posed.operators, workers.map)
    else:
        from spa.class3d import consensus_cuda

        sums = consensus_cuda.half_sums(workers.engine.device, posed, noise)
    raw = list(workers.map(lambda one: into.solve(one, raw_prior(one)) * mask, sums))
    curve = fsc(raw[0], raw[1], last=band.radius, run=workers.map)
    whole = sums[0].take(sums[1])
    return Consensus(into.solve(whole, wiener_prior(whole, joint_fsc(curve)), workers.threads), curve)


def half_sums(posed: Posed, noise: np.ndarray, workers: Workers) -> list[into.Accumulator]:
    """Closed sums of both halves."""
    images, band = posed.images, posed.images.band

    def parts(rows: np.ndarray) -> list[Part]:
        block = images.block(rows, band.radius, noise)
        values, weights = block.matched(), block.ctf**2
        out = []
        for half in (0, 1):
            mine = np.flatnonzero(images.half[rows] == half)
            samples = into.Samples(mine, posed.poses[rows[mine]], posed.shifts[rows[mine]], np.ones(len(mine)))
            out.append(Part(half, samples, values, weights))
        return out

    return gathered(band.box, band.radius, 2, np.arange(len(posed)), parts, band.kx, band.ky, workers)


@dataclass(frozen=True, eq=False)
class Scales:
    """Grey scales of images against a map: their mean, and the variance about it that noise does not explain."""

    mean: float
    variance: float

    def of(self, cross: np.ndarray, norm: np.ndarray) -> np.ndarray:
        """The likeliest scale of images with 2 <X, P> = 2 cross and <P, P> = norm (n,), relative to the mean."""
        precision = 1 / max(2 * self.variance, 1e-12)
        return (cross + precision * self.mean) / (norm + precision) / self.mean


def scales(cross: np.ndarray, norm: np.ndarray, even: bool = False) -> Scales:
    """From images' own regressions cross / norm, whose error's variance is 1 / (2 norm); even: all have the mean."""
    seen = norm > 1e-9 * norm.max()
    single, weight = cross[seen] / norm[seen], norm[seen]
    mean = float(max(cross.sum() / norm.sum(), 1e-3))
    spread = float((weight * (single - mean) ** 2).sum() / weight.sum() - len(weight) / (2 * weight.sum()))
    return Scales(mean, 0.0 if even else max(spread, 0.0))


class Differences(Protocol):
    """What images have beyond the consensus, wherever it lies; scale (n,): their grey scales."""

    @property
    def images(self) -> Images: ...
    @property
    def scale(self) -> np.ndarray: ...
    @property
    def noise(self) -> np.ndarray: ...
    def __len__(self) -> int: ...
    def moments(
        self, rows: np.ndarray, maps: np.ndarray, radius: int, workers: Workers
    ) -> tuple[np.ndarray, np.ndarray]:
        """(rows, q) and (rows, q, q): log p of a combination z of maps (q, n, n, n) is linear.z - z.quadratic.z / 2."""
        ...

    def sums(
        self, rows: np.ndarray, values: np.ndarray, powers: np.ndarray, radius: int, workers: Workers
    ) -> list[into.Accumulator]:
        """Closed sums of q maps, over the point group: of images rows by factors (rows, q) of what they have, and of
        its weight; images whose power is 0 are left out of that map."""
        ...


@dataclass(frozen=True, eq=False)
class Residuals:
    """What images have beyond the consensus, ready for class maps.

    matched (n, 2, K): m as above, moved to the box centre; scale (n,): a; noise (groups, shells): s^2; poses (n, 3, 3);
    operators (g, 3, 3).
    """

    images: Images
    poses: np.ndarray
    matched: Rows
    scale: np.ndarray
    noise: np.ndarray
    operators: np.ndarray

    def __len__(self) -> int:
        return len(self.matched)

    def block(self, rows: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
        """m (rows, 2, count) and w (rows, count) in shells up to radius."""
        band = self.images.band
        count = band.count(radius)
        root = self.scale[rows, None] / np.sqrt(self.noise[self.images.group[rows]])
        factor = self.images.ctf(rows, count) * root[:, band.shell[:count]].astype(np.float32)
        return np.ascontiguousarray(self.matched[rows, :, :count]), factor**2

    def moments(
        self, rows: np.ndarray, maps: np.ndarray, radius: int, workers: Workers
    ) -> tuple[np.ndarray, np.ndarray]:
        sources = list(workers.map(lambda one: reference(one, radius), maps))
        parts = list(workers.map(lambda mine: scores.moments(self, mine, sources, radius), blocks_of(rows)))
        return np.concatenate([one[0] for one in parts]), np.concatenate([one[1] for one in parts])

    def sums(
        self, rows: np.ndarray, values: np.ndarray, powers: np.ndarray, radius: int, workers: Workers
    ) -> list[into.Accumulator]:
        band = self.images.band
        count = band.count(radius)

        def parts(places: np.ndarray) -> list[Part]:
            mine = rows[places]
            matched, weight = self.block(mine, radius)
            out = []
            for q, (value, power) in enumerate(zip(values[places].T, powers[places].T)):
                there = np.flatnonzero(power)
                samples = into.Samples(
                    np.arange(len(there)), self.poses[mine[there]], np.zeros((len(there), 2)), np.ones(len(there))
                )
                out.append(Part(q, samples, matched[there] * np.float32(value[there, None, None]),
                                weight[there] * np.float32(power[there, None])))  # fmt: skip
            return out

        sums = gathered(band.box, radius, values.shape[1], np.arange(len(rows)), parts, band.kx[:count],
                        band.ky[:count], workers)  # fmt: skip
        return into.each_symmetrised(sums, self.operators, workers.map)


def residuals(posed: Posed, found: np.ndarray, noise: np.ndarray, workers: Workers) -> tuple[Differences, np.ndarray]:
    """Residuals against the consensus `found` (box, box, box), and the consensus in the images' grey scale.

    The images' coefficients are used up: residuals take their place in memory, or on a device.
    """
    if workers.engine.device is not None:
        from spa.class3d import consensus_cuda

        return consensus_cuda.residuals(workers.engine.device, posed, found, noise)
    images = posed.images
    source = reference(found, images.band.radius)
    sample = sample_of(posed)
    measured = list(workers.map(lambda rows: _measured(posed, source, rows, noise), blocks_of(sample)))
    cross, norm = (np.concatenate([one[i] for one in measured]) for i in (0, 1))
    scale = scales(cross, norm, posed.even)
    noise = noise_left(images, sample, np.concatenate([one[2] for one in measured]), noise)
    every = np.empty(len(posed))

    def replace(rows: np.ndarray) -> None:
        every[rows], images.planes[rows] = _residual(posed, source, rows, noise, scale)

    list(workers.map(replace, blocks_of(np.arange(len(posed)))))
    return Residuals(images, posed.poses, images.planes, every, noise, posed.operators), found * np.float32(scale.mean)


def sample_of(posed: Posed) -> np.ndarray:
    """Rows on which noise and grey scales are measured."""
    return np.arange(len(posed))[:: max(1, len(posed) // SAMPLE)]


def _aligned(posed: Posed, source: Reference, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of rows: images moved to the centre (complex), CTF, and slices of the source (complex): each (rows, K)."""
    band = posed.images.band
    turn = ramps(posed.shifts[rows].astype(np.float32), band.kx, band.ky, band.box)
    planes = posed.images.planes[rows]
    cut = slices(source, posed.poses[rows], band.kx, band.ky)
    ctf = posed.images.ctf(rows, len(band))
    return (planes[:, 0] + 1j * planes[:, 1]) * turn, ctf, cut[:, 0] + 1j * cut[:, 1]


def _measured(posed: Posed, source: Reference, rows: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, ...]:
    """<X, C P> / s^2 (rows,), <C P, C P> / s^2 (rows,), and power of X - C P in each shell (rows, shells)."""
    band = posed.images.band
    x, ctf, cut = _aligned(posed, source, rows)
    model = ctf * cut
    weight = (1 / noise[posed.images.group[rows]])[:, band.shell]
    cross = (weight * (x.real * model.real + x.imag * model.imag)).sum(axis=1)
    norm = (weight * (model.real**2 + model.imag**2)).sum(axis=1)
    return cross, norm, shell_mean(np.abs(x - model) ** 2, band)


def _residual(
    posed: Posed, source: Reference, rows: np.ndarray, noise: np.ndarray, scale: Scales
) -> tuple[np.ndarray, np.ndarray]:
    """Grey scale (rows,) and m (rows, 2, K) of rows."""
    band = posed.images.band
    x, ctf, cut = _aligned(posed, source, rows)
    model = ctf * cut
    weight = (1 / noise[posed.images.group[rows]])[:, band.shell].astype(np.float32)
    cross = (weight * (x.real * model.real + x.imag * model.imag)).sum(axis=1)
    norm = (weight * (model.real**2 + model.imag**2)).sum(axis=1)
    own = scale.of(cross, norm)
    left = weight * ctf * own[:, None].astype(np.float32) * (x - np.float32(scale.mean) * own[:, None] * model)
    return own, np.stack([left.real, left.imag], axis=1).astype(np.float32)


def noise_left(images: Images, rows: np.ndarray, power: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Noise (groups, shells) from residuals' power (rows, shells); groups without rows keep the old."""
    out = old.copy()
    for group in np.unique(images.group[rows]):
        out[group] = power[images.group[rows] == group].mean(axis=0)
    return smooth_spectrum(out)
