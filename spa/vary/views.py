"""Images at known poses, moved to the box centre, and the likelihood of any combination of maps in each of them.

An image is ``X = a C P (V0 + sum_k z_k V_k) + n`` with grey scale a, CTF C, projection P at its pose and noise of
variance s^2.  With ``m = C X / s^2`` and ``w = C^2 / s^2`` the log likelihood of a combination c of maps U is
``linear.c - c.quadratic.c / 2``, linear = 2 Re<m, P U>, quadratic = 2 <w, P U conj(P U')>.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.class3d import scores
from spa.class3d.consensus import SAMPLE, Posed, noise_left, scales
from spa.class3d.sums import blocks_of
from spa.image.disc import shell_mean
from spa.refine.data import Images
from spa.refine.problem import Workers
from spa.search.images import ramps
from spa.volume.slices import Reference, reference, slices


@dataclass(frozen=True, eq=False)
class Views:
    """images: their planes (n, 2, K) are centred; poses (n, 3, 3); noise (groups, shells); least: coarsest shell."""

    images: Images
    poses: np.ndarray
    noise: np.ndarray
    least: int = 1

    def __len__(self) -> int:
        return len(self.poses)

    def of(self, rows: np.ndarray) -> "Views":
        """Those of some rows."""
        return replace(self, images=self.images.of(rows), poses=self.poses[rows])

    def block(self, rows: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
        """m (rows, 2, count) and w (rows, count) in shells up to radius."""
        band = self.images.band
        count = band.count(radius)
        shell = band.shell[:count]
        ctf = self.images.ctf(rows, count)
        seen = np.where(shell >= self.least, np.float32(1), np.float32(0))
        weight = (1 / self.noise[self.images.group[rows]]).astype(np.float32)[:, shell] * seen * ctf
        return self.images.planes[rows, :, :count] * weight[:, None], weight * ctf


@dataclass(frozen=True, eq=False)
class Contrast:
    """The prior of images' grey scales relative to the mean: values nodes (j,), the logarithm of their share (j,)."""

    nodes: np.ndarray
    share: np.ndarray


ONE = Contrast(np.ones(1), np.zeros(1))
REACH = 2.5  # standard deviations of the grey scale that nodes cover
NODES = 21  # at most


def contrast(variance: float, error: float) -> Contrast:
    """Normal about 1 of a variance, on nodes as dense as images can tell (error: one image's standard error)."""
    spread = min(float(np.sqrt(variance)), 0.36)
    if spread < 0.02:
        return ONE
    count = 2 * int(np.clip(np.ceil(REACH * spread / max(0.8 * error, 1e-3)), 2, NODES // 2)) + 1
    nodes = 1 + spread * np.linspace(-REACH, REACH, count)
    share = -0.5 * ((nodes - 1) / spread) ** 2
    return Contrast(nodes, share - np.log(np.exp(share).sum()))


def centred(
    posed: Posed, found: np.ndarray, noise: np.ndarray, least: int, even: bool, workers: Workers
) -> tuple[Views, np.ndarray, Contrast]:
    """Views, the consensus `found` (n, n, n) in the images' grey scale, and how much images' grey scales differ.

    The noise is measured on what the consensus leaves; even: all images have one grey scale, as `posed` may say, too.
    The images' coefficients are used up: the centred ones take their place in memory.
    """
    images, band = posed.images, posed.images.band

    def move(rows: np.ndarray) -> None:
        turn = ramps(posed.shifts[rows].astype(np.float32), band.kx, band.ky, band.box)
        x = images.planes[rows]
        moved = (x[:, 0] + 1j * x[:, 1]) * turn
        images.planes[rows] = np.stack([moved.real, moved.imag], axis=1)

    list(workers.map(move, blocks_of(np.arange(len(posed)))))
    source = reference(found, band.radius)
    sample = np.arange(len(posed))[:: max(1, len(posed) // SAMPLE)]
    measured = list(workers.map(lambda rows: _compared(posed, source, rows, noise), blocks_of(sample)))
    cross, norm, power = (np.concatenate([one[i] for one in measured]) for i in range(3))
    scale = scales(cross, norm)
    views = Views(images, posed.poses, noise_left(images, sample, power, noise), least)
    error = float(np.median(1 / np.sqrt(2 * np.maximum(norm, 1e-12)))) / scale.mean
    spread = ONE if even or posed.even else contrast(scale.variance / scale.mean**2, error)
    return views, found * np.float32(scale.mean), spread


def _compared(
    posed: Posed, source: Reference, rows: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """<X, C P> / s^2 and <C P, C P> / s^2 (rows,), and the power of what is left of images (rows, shells)."""
    images, band = posed.images, posed.images.band
    model = slices(source, posed.poses[rows], band.kx, band.ky) * images.ctf(rows, len(band))[:, None]
    weight = (1 / noise[images.group[rows]])[:, None, band.shell]
    x = images.planes[rows]
    cross, norm = (weight * x * model).sum(axis=(1, 2)), (weight * model**2).sum(axis=(1, 2))
    fit = np.clip(cross / np.maximum(norm, 1e-12), 0.3, 3)[:, None, None]
    left = x - fit * model
    return cross, norm, shell_mean(left[:, 0] ** 2 + left[:, 1] ** 2, band)


@dataclass(frozen=True, eq=False)
class Moments:
    """Of images' likelihoods under the mean (first) and components: linear (n, q + 1), quadratic (n, q + 1, q + 1)."""

    linear: np.ndarray
    quadratic: np.ndarray

    def __len__(self) -> int:
        return len(self.linear)

    def turned(self, matrix: np.ndarray) -> "Moments":
        """Of maps combined by the columns of a matrix (q + 1, p)."""
        return Moments(self.linear @ matrix, matrix.T @ self.quadratic @ matrix)

    def of(self, rows: np.ndarray) -> "Moments":
        return Moments(self.linear[rows], self.quadratic[rows])


def moments(views: Views, rows: np.ndarray, maps: np.ndarray, radius: int, workers: Workers) -> Moments:
    """Of images rows under maps (q + 1, n, n, n), the mean first, in shells up to radius."""
    sources = list(workers.map(lambda one: reference(one, radius), maps))
    parts = list(workers.map(lambda mine: scores.moments(views, mine, sources, radius), blocks_of(rows)))
    return Moments(np.concatenate([one[0] for one in parts]), np.concatenate([one[1] for one in parts]))
