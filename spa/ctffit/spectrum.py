"""The power spectrum of a micrograph, averaged over overlapping tiles.

Source: Rohou & Grigorieff, J. Struct. Biol. 192 (2015) 216 (tiles, resampling of small pixels); each tile is scaled to
the same power here, so that a dark edge or a lump of ice does not outweigh the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.image.fft import good_size, rfft2

_SMALLEST_PIXEL = 1.4  # angstroms; finer pixels are cropped away in Fourier space
_TAPER = 0.2  # of the tile's side, cosine at each edge


@dataclass(frozen=True)
class Spectrum:
    """A half spectrum (box, box//2+1) of power, rows in FFT order; one step is 1/(box · pixel_size) per angstrom."""

    power: np.ndarray
    pixel_size: float
    tiles: int

    @property
    def box(self) -> int:
        return len(self.power)


def power_spectrum(image: np.ndarray, pixel_size: float, box: int = 512, overlap: float = 0.4) -> Spectrum:
    """Mean power of tiles of a micrograph (ny, nx), in units of the tile's mean power.

    A pixel below 1.4 angstroms gets larger tiles, cropped to ``box`` in Fourier space: the same rings, better sampled.
    A micrograph smaller than the tile gets one tile of its own short side. DataError where it holds no contrast.
    """
    side = good_size(round(box * max(1.0, _SMALLEST_PIXEL / pixel_size)))
    side = min(side, min(image.shape) // 2 * 2)
    size = min(box, side)
    low, high = _usable_range(image)
    window, total, used = _window(side), np.zeros((size, size // 2 + 1)), 0
    for batch in _batches(image, side, overlap):
        tiles = np.clip(batch, low, high)
        tiles -= tiles.mean(axis=(1, 2), keepdims=True)
        tiles *= window
        spectra = _cropped(rfft2(tiles), size)
        power = spectra.real**2 + spectra.imag**2
        scale = power[:, :, 1:].mean(axis=(1, 2))
        some = scale > 1e-9 * (high - low) ** 2
        total += np.tensordot(1 / scale[some], power[some], 1)
        used += int(some.sum())
    if used == 0:
        raise DataError("no tile with any contrast")
    return Spectrum(total / used, pixel_size * side / size, used)


def _usable_range(image: np.ndarray) -> tuple[float, float]:
    """Grey levels between which a pixel counts as such: median ± 8 robust standard deviations."""
    sample = np.asarray(image[::3, ::3], np.float32)
    if not np.isfinite(sample.sum()) or not np.isfinite(np.sum(image, dtype=np.float64)):
        raise DataError("pixels that are not numbers (NaN or infinite)")
    median = float(np.median(sample))
    spread = 1.4826 * float(np.median(np.abs(sample - median)))
    if spread == 0:
        spread = float(sample.std())
        if np.mean(sample != median) < 0.01:
            raise DataError(f"no contrast: over 99 % of its pixels are {median:g}")
    return median - 8 * spread, median + 8 * spread


def _starts(length: int, side: int, overlap: float) -> np.ndarray:
    """First pixels of evenly spaced tiles that cover a line, neighbours sharing at least ``overlap``."""
    count = int(np.ceil((length - side) / (side * (1 - overlap)))) + 1
    return np.linspace(0, length - side, count).astype(int)


def _batches(image: np.ndarray, side: int, overlap: float) -> Iterator[np.ndarray]:
    """Tiles (n, side, side) float32, one row of the micrograph at a time."""
    for y in _starts(image.shape[0], side, overlap):
        strip = np.asarray(image[y : y + side], np.float32)
        yield np.stack([strip[:, x : x + side] for x in _starts(image.shape[1], side, overlap)])


def _window(side: int) -> np.ndarray:
    """Tukey's window (side, side): flat, with cosine edges."""
    distance = np.minimum(np.arange(side) + 0.5, np.arange(side)[::-1] + 0.5) / (_TAPER * side)
    edge = 0.5 - 0.5 * np.cos(np.pi * np.minimum(distance, 1))
    return np.outer(edge, edge).astype(np.float32)


def _cropped(spectra: np.ndarray, size: int) -> np.ndarray:
    """The low frequencies of half spectra (n, side, side//2+1) as half spectra of images of ``size``."""
    half = size // 2
    return np.concatenate([spectra[:, :half, : half + 1], spectra[:, -half:, : half + 1]], axis=1)
