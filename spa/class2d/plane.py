"""The transform of a class average, twice oversampled: what is rotated into the images' frame, and inserted back.

Rows are ky = -(2r+2) … 2r+2 and columns kx = 0 … 2r+2 in steps of half a frequency of the box; the origin of
space is the box centre. Rotation is bilinear, so averages are divided by sinc^2 in space on the way in and out.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spa.class2d import kernels
from spa.image import fft
from spa.image.disc import Disc


@dataclass(frozen=True)
class Plane:
    """Band of `radius` shells of images of a box; averages live in a box of `small` pixels (same field, coarser)."""

    box: int
    radius: int

    @property
    def rows(self) -> int:
        return 4 * self.radius + 5

    @property
    def columns(self) -> int:
        return 2 * self.radius + 3

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    @cached_property
    def small(self) -> int:
        return fft.good_size(2 * self.radius + 4)

    @cached_property
    def shell(self) -> np.ndarray:
        """(cells,) shell of each cell, in whole frequencies of the box."""
        ky, kx = np.mgrid[: self.rows, : self.columns]
        return np.rint(np.hypot(ky - self.rows // 2, kx) / 2).astype(np.int32).ravel()

    @cached_property
    def _sinc2(self) -> np.ndarray:
        x = np.sinc((np.arange(self.small) - self.small // 2) / (2 * self.small)) ** 2
        return (x[:, None] * x).astype(np.float32)

    @cached_property
    def _place(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows and columns of the padded half spectrum, and the signs that move the origin to the centre."""
        ky, kx = np.arange(self.rows) - self.rows // 2, np.arange(self.columns)
        sign = (1 - 2 * ((ky[:, None] + kx) % 2)).astype(np.float32)
        return (ky % (2 * self.small))[:, None], kx[None, :], sign

    def images(self, grids: np.ndarray) -> np.ndarray:
        """(…, small, small) float32 images of grids (…, cells) complex64 that were made by insertion; to scale."""
        padded, small = 2 * self.small, self.small
        y, x, sign = self._place
        spectra = np.zeros(grids.shape[:-1] + (padded, small + 1), np.complex64)
        spectra[..., y, x] = grids.reshape(grids.shape[:-1] + (self.rows, self.columns)) * sign
        images = fft.irfft2(spectra, padded) * np.float32(padded**2 / (4 * self.box))
        return images[..., small // 2 : -(small // 2), small // 2 : -(small // 2)] / self._sinc2

    def grids(self, images: np.ndarray) -> np.ndarray:
        """(…, cells) complex64 transforms of images (…, small, small), such that `slices` of them are to scale."""
        padded, small = 2 * self.small, self.small
        y, x, sign = self._place
        full = np.zeros(images.shape[:-2] + (padded, padded), np.float32)
        full[..., small // 2 : -(small // 2), small // 2 : -(small // 2)] = images / self._sinc2
        spectra = fft.rfft2(full)[..., y, x] * (sign * np.float32(4 * self.box / padded**2))
        return spectra.reshape(images.shape[:-2] + (self.cells,))

    def resized(self, grids: np.ndarray, other: "Plane") -> np.ndarray:
        """Grids (…, cells, values) of this plane cut or zero-filled to the band of another."""
        r = min(self.radius, other.radius)
        half, width = 2 * r + 2, 2 * r + 3
        lead, values = grids.shape[:-2], grids.shape[-1]
        source = grids.reshape(lead + (self.rows, self.columns, values))
        target = np.zeros(lead + (other.rows, other.columns, values), grids.dtype)
        a, b = self.rows // 2, other.rows // 2
        target[..., b - half : b + half + 1, :width, :] = source[..., a - half : a + half + 1, :width, :]
        return target.reshape(lead + (other.cells, values))

    def resized_complex(self, grids: np.ndarray, other: "Plane") -> np.ndarray:
        """Grids (…, cells) complex64 cut or zero-filled to the band of another plane."""
        return self.resized(grids[..., None], other)[..., 0]

    def folded(self, sums: np.ndarray) -> np.ndarray:
        """Sums (…, cells, 3 = re, im, weight) with the column kx = 0 made Hermitian, as the half not stored asks."""
        grid = sums.reshape(sums.shape[:-2] + (self.rows, self.columns, 3)).copy()
        mirrored = grid[..., ::-1, 0, :] * np.array([1, -1, 1], np.float32)
        grid[..., 0, :] += mirrored
        return grid.reshape(sums.shape)


@dataclass(frozen=True)
class Turns:
    """Where coefficients fall in the plane when it is turned: first corner, bilinear fractions, sign of im; (P, K)."""

    index: np.ndarray
    fx: np.ndarray
    fy: np.ndarray
    sign: np.ndarray

    def take(self, turn: int) -> "Turns":
        """One of the turns, still with an axis for it."""
        one = slice(turn, turn + 1)
        return Turns(self.index[one], self.fx[one], self.fy[one], self.sign[one])


def turns(plane: Plane, band: Disc, count: int, psi: np.ndarray) -> Turns:
    """For the first `count` coefficients of a band and angles psi (radians): image(k) = average(k turned by psi)."""
    kx, ky = band.kx[:count].astype(float), band.ky[:count].astype(float)
    cos, sin = np.cos(psi)[:, None], np.sin(psi)[:, None]
    qx, qy = 2 * (kx * cos - ky * sin), 2 * (kx * sin + ky * cos)
    sign = np.where(qx < 0, -1.0, 1.0)
    qx, qy = qx * sign, qy * sign
    x, y = np.floor(qx).astype(np.int32), np.floor(qy).astype(np.int32)
    index = (y + plane.rows // 2) * plane.columns + x
    return Turns(
        index.astype(np.int32), (qx - x).astype(np.float32), (qy - y).astype(np.float32), sign.astype(np.float32)
    )


def slices(grids: np.ndarray, columns: int, turn: Turns, threads: int = 1) -> np.ndarray:
    """(C, P, 2, K) float32: grids (C, cells) complex64 at the turned coefficients."""
    out = np.empty((len(grids), len(turn.index), 2, turn.index.shape[1]), np.float32)
    parts = np.ascontiguousarray(grids).view(np.float32).reshape(len(grids), -1, 2)

    def one(c: int) -> None:
        kernels.cut(parts[c : c + 1], turn.index, turn.fx, turn.fy, turn.sign, columns, out[c : c + 1])

    fft.each(one, len(out), threads)
    return out


def resampled(images: np.ndarray, size: int) -> np.ndarray:
    """(C, size, size) float32: square images of the same field with more or fewer pixels, by their transform."""
    box = images.shape[-1]
    if size == box:
        return images
    spectra = fft.rfft2(np.roll(images, (-(box // 2), -(box // 2)), (1, 2)))
    made = np.zeros((len(images), size, size // 2 + 1), np.complex64)
    half = min(size, box) // 2
    rows = np.r_[0:half, -half + 1 : 0]
    made[:, rows, :half] = spectra[:, rows, :half]
    return np.roll(fft.irfft2(made, size), (size // 2, size // 2), (1, 2)) * np.float32((size / box) ** 2)
