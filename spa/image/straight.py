"""Images made straight: the coefficients as optics without odd aberrations and distortion would have given them.

Distortion is undone by sampling each image's continuous transform where the coefficients would have been: the image
is padded twice and gathered with the kernel of `spa.volume.transform`, to four digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse

from spa.image import fft
from spa.image.aberrations import Aberrations
from spa.image.disc import Disc, coefficients, disc

PADDING, WIDTH = 2, 6
BETA = 2.3 * WIDTH


@dataclass(frozen=True, eq=False)
class Straightener:
    """For images of a band and pixel size (angstroms) whose groups count from 0 through the aberrations."""

    band: Disc
    pixel_size: float
    aberrations: tuple[Aberrations, ...]

    def coefficients(self, images: np.ndarray, group: np.ndarray) -> np.ndarray:
        """(n, 2, K) float32, as `disc.coefficients`, of images (n, N, N) of groups (n,)."""
        bent = [number for number in np.unique(group) if not self.aberrations[number].straight]
        if len(bent) < len(np.unique(group)):
            planes = coefficients(images, self.band)
        else:
            planes = np.empty((len(images), 2, len(self.band)), np.float32)
        for number in bent:
            rows = np.flatnonzero(group == number)
            planes[rows] = sampled(images[rows], self.band, self.aberrations[number].magnification)
        for number in np.unique(group):
            if any(self.aberrations[number].odd):
                rows = np.flatnonzero(group == number)
                unit = 1 / (self.band.box * self.pixel_size)
                phase = self.aberrations[number].phase(self.band.kx * unit, self.band.ky * unit)
                planes[rows] = turned(planes[rows], -phase)
        return planes


def turned(planes: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Coefficients (n, 2, K) times exp(i phase), phase (K,) in radians."""
    cosine, sine = np.cos(phase).astype(np.float32), np.sin(phase).astype(np.float32)
    return np.stack([planes[:, 0] * cosine - planes[:, 1] * sine, planes[:, 0] * sine + planes[:, 1] * cosine], axis=1)


def offsets(aberrations: Sequence[Aberrations], band: Disc, pixel_size: float) -> np.ndarray | None:
    """(groups, K) float32 that the even aberrations add to chi; None where there are none."""
    if not any(any(one.even) for one in aberrations):
        return None
    unit = 1 / (band.box * pixel_size)
    return np.stack([one.offset(band.kx * unit, band.ky * unit) for one in aberrations]).astype(np.float32)


def straight_shifts(shifts: np.ndarray, group: np.ndarray, aberrations: Sequence[Aberrations]) -> np.ndarray:
    """Where particles at shifts (n, 2) in their images lie in the straight ones: M^-T t."""
    if all(one.straight for one in aberrations):
        return shifts
    return _mapped(shifts, group, [np.linalg.inv(one.matrix) for one in aberrations])


def bent_shifts(shifts: np.ndarray, group: np.ndarray, aberrations: Sequence[Aberrations]) -> np.ndarray:
    """The way back: M^T t."""
    if all(one.straight for one in aberrations):
        return shifts
    return _mapped(shifts, group, [one.matrix for one in aberrations])


def _mapped(shifts: np.ndarray, group: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
    return np.einsum("nb,nba->na", shifts, np.stack(list(matrices))[group])


@dataclass(frozen=True, eq=False)
class Seen:
    """At the coefficients (K,) of an image as it lies: where in the object's transform they are (1/angstrom), what is
    added to chi there, and the phase (radians)."""

    qx: np.ndarray
    qy: np.ndarray
    offset: np.ndarray
    phase: np.ndarray


def seen_through(one: Aberrations, band: Disc, pixel_size: float) -> Seen:
    """What the coefficients of images of a band show through a group's optics."""
    return _seen(one, band.box, band.radius, pixel_size)


@lru_cache(maxsize=32)
def _seen(one: Aberrations, box: int, radius: int, pixel_size: float) -> Seen:
    band, unit = disc(box, radius), 1 / (box * pixel_size)
    x, y = one.matrix @ np.stack([band.kx, band.ky]) * unit
    return Seen(x, y, one.offset(x, y), one.phase(x, y))


def bent_poses(poses: np.ndarray, group: np.ndarray, aberrations: Sequence[Aberrations]) -> np.ndarray:
    """Poses (n, 3, 3) at which a slice, taken at k, is the map's transform at ``q = M k``; the third row stays."""
    if all(one.straight for one in aberrations):
        return poses
    out = np.array(poses, np.float64)
    out[:, :2] = np.einsum("nab,nac->nbc", np.stack([one.matrix for one in aberrations])[group], out[:, :2])
    return out


def sampled(images: np.ndarray, band: Disc, magnification: tuple[float, float, float, float]) -> np.ndarray:
    """(n, 2, K): the transforms of images (n, N, N) at M^-1 k, in the scale of `coefficients`."""
    line, real, imag = _plan(band.box, band.radius, magnification)
    spectra = fft.rfft2(_padded(images * (line[:, None] * line))).reshape(len(images), -1)
    return np.stack([(real @ spectra.real.T).T, (imag @ spectra.imag.T).T], axis=1)


def _padded(images: np.ndarray) -> np.ndarray:
    """Twice the side, the images' middle at pixel 0."""
    n, half = images.shape[-1], images.shape[-1] // 2
    out = np.zeros((len(images), PADDING * n, PADDING * n), np.float32)
    ends = ((slice(half, n), slice(0, n - half)), (slice(0, half), slice(-half, None)))
    for sy, y in ends:
        for sx, x in ends:
            out[:, y, x] = images[:, sy, sx]
    return out


@lru_cache(maxsize=32)
def _plan(
    box: int, radius: int, magnification: tuple[float, float, float, float]
) -> tuple[np.ndarray, sparse.csr_array, sparse.csr_array]:
    """What images are multiplied by along a line, and the matrices (K, padded half spectrum) for re and im."""
    band, size = disc(box, radius), PADDING * box
    inverse = np.linalg.inv(np.array(magnification).reshape(2, 2))
    x, y = PADDING * inverse @ np.stack([band.kx, band.ky])
    column, row = (np.ceil(one - WIDTH / 2)[:, None] + np.arange(WIDTH) for one in (x, y))
    weight = _kernel(row - y[:, None])[:, :, None] * _kernel(column - x[:, None])[:, None, :]
    column, row = (one.astype(int) for one in np.broadcast_arrays(column[:, None, :], row[:, :, None]))
    mirrored = (column < 0) | (column > size // 2)  # beyond the half spectrum: the conjugate of the opposite
    column, row = np.where(mirrored, -column, column) % size, np.where(mirrored, -row, row) % size
    at, ends = (row * (size // 2 + 1) + column).ravel(), np.arange(0, weight.size + 1, WIDTH * WIDTH)
    shape = (len(band), size * (size // 2 + 1))
    real, imag = (
        sparse.csr_array(((part / box).astype(np.float32).ravel(), at, ends), shape)
        for part in (weight, np.where(mirrored, -weight, weight))
    )
    return _line(box, size), real, imag


def _kernel(distance: np.ndarray) -> np.ndarray:
    return np.exp(BETA * (np.sqrt(np.maximum(0, 1 - (2 * distance / WIDTH) ** 2)) - 1))


def _line(box: int, size: int) -> np.ndarray:
    """One over the kernel's transform at the image's pixels, from its middle."""
    node, weight = np.polynomial.legendre.leggauss(80)
    kernel = _kernel(WIDTH / 2 * node) * weight * WIDTH / 2
    position = (np.arange(box) - box // 2) / size
    return (1 / (np.cos(np.pi * WIDTH * position[:, None] * node) @ kernel)).astype(np.float32)
