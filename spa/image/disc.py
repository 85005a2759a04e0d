"""Fourier coefficients of images as a half-plane disc, sorted by radius so that a low band is a prefix.

An image of box N is a real array; its coefficients over kx > 0, or kx = 0 and ky > 0, say all but the mean.
They are scaled by 1/N: white noise of variance 1 has coefficients with E|n|^2 = 1.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spa.image import fft


@dataclass(frozen=True, eq=False)
class Disc:
    """Which coefficients: integer kx, ky (K,) int32 and shell = rint(radius), all sorted by radius."""

    box: int
    radius: int
    kx: np.ndarray
    ky: np.ndarray
    shell: np.ndarray
    flat: np.ndarray  # where each lies in a half spectrum (N, N//2+1), flattened
    centring: np.ndarray  # moves the origin to pixel n//2 (times 1/N)

    def __len__(self) -> int:
        return len(self.kx)

    def count(self, radius: float) -> int:
        """How many coefficients lie in shells up to the radius: the length of that prefix."""
        return int(np.searchsorted(self.shell, int(radius), side="right"))


@lru_cache(maxsize=16)
def disc(box: int, radius: int) -> Disc:
    """The disc of shells 1 … radius (at most box//2 - 1) of images of a box."""
    radius = min(int(radius), box // 2 - 1)
    ky, kx = np.mgrid[-radius - 1 : radius + 2, 0 : radius + 2]
    squared = (kx * kx + ky * ky).ravel()
    shell = np.rint(np.sqrt(squared)).astype(np.int32)
    kept = np.flatnonzero((shell <= radius) & (squared > 0) & ((kx.ravel() > 0) | (ky.ravel() > 0)))
    kept = kept[np.argsort(squared[kept], kind="stable")]
    x, y = kx.ravel()[kept].astype(np.int32), ky.ravel()[kept].astype(np.int32)
    centring = np.exp(2j * np.pi * (box // 2) / box * (x + y)) / box
    return Disc(box, radius, x, y, shell[kept], (y % box) * (box // 2 + 1) + x, centring.astype(np.complex64))


def coefficients(images: np.ndarray, band: Disc) -> np.ndarray:
    """(n, 2, K) float32, planes re and im, of images (n, N, N)."""
    out = np.empty((len(images), 2, len(band)), np.float32)
    for planes, spectrum in zip(out, fft.spectra(images)):
        values = spectrum.ravel()[band.flat] * band.centring
        planes[0], planes[1] = values.real, values.imag
    return out


def images_of(planes: np.ndarray, band: Disc) -> np.ndarray:
    """Images (n, N, N) float32 of coefficients (n, 2, K); the inverse of `coefficients` within the band, mean 0."""
    n, box = len(planes), band.box
    half = np.zeros((n, box * (box // 2 + 1)), np.complex64)
    values = (planes[:, 0] + 1j * planes[:, 1]) / band.centring
    half[:, band.flat] = values
    column = np.flatnonzero(band.kx == 0)  # kx = 0 needs its conjugates at -ky
    half[:, (-band.ky[column] % box) * (box // 2 + 1)] = values[:, column].conj()
    return fft.irfft2(half.reshape(n, box, box // 2 + 1), box)


def shell_mean(values: np.ndarray, band: Disc) -> np.ndarray:
    """Mean of values (…, K) over each shell: (…, radius + 1); shell 0 is 0."""
    shell = band.shell[: values.shape[-1]]
    there, starts, counts = np.unique(shell, return_index=True, return_counts=True)  # they come shell by shell
    found = np.zeros((*values.shape[:-1], band.radius + 1))
    found[..., there] = np.add.reduceat(values, starts, axis=-1) / counts
    return found
