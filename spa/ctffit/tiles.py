"""Power spectra of the tiles of a micrograph, each scaled to the same power: an edge does not outweigh the rest.

Source: Rohou & Grigorieff, J. Struct. Biol. 192 (2015) 216 (tiles, resampling of small pixels).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.compiled import kernel
from spa.ctffit.spectrum import Spectrum
from spa.errors import DataError
from spa.image.fft import good_size, rfft2

_SMALLEST_PIXEL = 1.4  # angstroms; finer pixels are cropped away in Fourier space
_TAPER = 0.2  # of the tile's side, cosine at each edge
_FEWEST = 4  # tiles along a side, where they need not share more than half of themselves
_OVERLAP = 0.3  # at least, with each neighbour; the tapers leave little that both see


@dataclass(frozen=True, eq=False)
class Tiles:
    """power (n, box, box//2+1) float32 in units of each tile's mean; centre (n, 2) x, y and side in pixels.

    shape: of the micrograph (ny, nx); pixel_size: of the spectra, angstroms.
    """

    power: Any
    centre: np.ndarray
    side: int
    shape: tuple[int, int]
    pixel_size: float

    @property
    def box(self) -> int:
        return int(self.power.shape[1])

    def mean(self) -> Spectrum:
        """The mean spectrum."""
        return Spectrum(self.power.mean(axis=0, dtype=np.float64), self.pixel_size, len(self.power))

    def sums(self, pixels: np.ndarray, bins: int) -> np.ndarray:
        """Sums (n, bins) float32 over the bin of each pixel (box · (box//2+1),), -1 for none."""
        total = np.zeros((len(self.power), bins), np.float32)
        _sums(self.power.reshape(len(total), -1), pixels, total)
        return total


@dataclass(frozen=True)
class Cutting:
    """Where tiles are cut: their side, the box of their spectra, corners (n, 2) x, y; the grey levels between which a
    pixel counts as such, and the power below which a tile has no contrast."""

    side: int
    box: int
    corners: np.ndarray
    levels: tuple[float, float]
    floor: float

    def made(self, power: Any, kept: np.ndarray, shape: tuple[int, ...], pixel_size: float) -> Tiles:
        """The tiles (power) of those corners that are kept (n,); DataError where there are none."""
        if not kept.any():
            raise DataError("no tile with any contrast")
        centre = self.corners[kept] + (self.side - 1) / 2
        return Tiles(power, centre, self.side, (int(shape[0]), int(shape[1])), pixel_size * self.side / self.box)


def cutting(image: np.ndarray, pixel_size: float, box: int) -> Cutting:
    """Of a micrograph (ny, nx): overlapping tiles.

    A pixel below 1.4 angstroms gets larger tiles, cropped to ``box`` in Fourier space: the same rings, better sampled.
    A micrograph smaller than the tile gets one tile of its own short side. DataError where it has no contrast.
    """
    side = good_size(round(box * max(1.0, _SMALLEST_PIXEL / pixel_size)))
    side = min(side, min(image.shape) // 2 * 2)
    low, high = _usable_range(image)
    corners = [(x, y) for y in _starts(image.shape[0], side) for x in _starts(image.shape[1], side)]
    return Cutting(side, min(box, side), np.array(corners), (low, high), 1e-9 * (high - low) ** 2)


def tile_spectra(image: np.ndarray, pixel_size: float, box: int = 512) -> Tiles:
    """Spectra of the tiles of a micrograph (ny, nx); those without contrast are left out, DataError where none has
    any."""
    at = cutting(image, pixel_size, box)
    power = np.empty((len(at.corners), at.box, at.box // 2 + 1), np.float32)
    tile, window, kept = np.empty((at.side, at.side), np.float32), edge(at.side), np.zeros(len(at.corners), bool)
    for number, (x, y) in enumerate(at.corners):
        pixels = np.array(image[y : y + at.side, x : x + at.side], np.float32, order="C")
        _windowed(pixels, *at.levels, window, tile)
        kept[number] = _powers(rfft2(tile), power[kept.sum()], at.floor)
    return at.made(power[: kept.sum()], kept, image.shape, pixel_size)


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


def _starts(length: int, side: int) -> np.ndarray:
    """First pixels of evenly spaced tiles that cover a line."""
    count = int(np.ceil((length - side) / (side * (1 - _OVERLAP)))) + 1
    halves = 1 + int((length - side) // (side / 2))
    return np.linspace(0, length - side, max(count, min(_FEWEST, halves))).astype(int)


def edge(side: int) -> np.ndarray:
    """Tukey's window (side,): flat, with cosine edges."""
    distance = np.minimum(np.arange(side) + 0.5, np.arange(side)[::-1] + 0.5) / (_TAPER * side)
    return (0.5 - 0.5 * np.cos(np.pi * np.minimum(distance, 1))).astype(np.float32)


@kernel("void(f4[:,::1], i4[::1], f4[:,::1])")
def _sums(power: np.ndarray, pixels: np.ndarray, total: np.ndarray) -> None:
    """Sums (n, bins) of spectra (n, pixels) over their bins; -1 is none."""
    for tile in range(len(power)):
        for pixel in range(len(pixels)):
            if pixels[pixel] >= 0:
                total[tile, pixels[pixel]] += power[tile, pixel]


@kernel("void(f4[:,::1], f4, f4, f4[::1], f4[:,::1])", fastmath=True)
def _windowed(pixels: np.ndarray, low: float, high: float, edge: np.ndarray, tile: np.ndarray) -> None:
    """Fill ``tile`` with pixels between two grey levels, less their mean, under the window."""
    total = 0.0
    for y in range(len(edge)):
        row = np.float32(0)
        for x in range(len(edge)):
            tile[y, x] = min(max(pixels[y, x], low), high)
            row += tile[y, x] - low
        total += row
    mean = np.float32(total / len(edge) ** 2 + low)
    for y in range(len(edge)):
        for x in range(len(edge)):
            tile[y, x] = (tile[y, x] - mean) * edge[y] * edge[x]


@kernel("i8(c8[:,::1], f4[:,::1], f4)", fastmath=True)
def _powers(spectrum: np.ndarray, power: np.ndarray, floor: float) -> bool:
    """Fill ``power`` (size, size//2+1) with that of a half spectrum's low frequencies over its mean; whether over a
    floor."""
    size = len(power)
    half, total = size // 2, 0.0
    for y in range(size):
        row, part = y if y < half else len(spectrum) - size + y, np.float32(0)
        for x in range(half + 1):
            value = spectrum[row, x]
            power[y, x] = value.real * value.real + value.imag * value.imag
            part += power[y, x] if x > 0 else np.float32(0)
        total += part
    mean = np.float32(total / (size * half))
    if not mean > floor:
        return False
    for y in range(size):
        for x in range(half + 1):
            power[y, x] /= mean
    return True
