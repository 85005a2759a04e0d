"""Power spectra of the tiles of a micrograph, each scaled to the same power: an edge does not outweigh the rest.

Source: Rohou & Grigorieff, J. Struct. Biol. 192 (2015) 216 (tiles, resampling of small pixels).
"""

from dataclasses import dataclass

import numba
import numpy as np

from spa.ctffit.spectrum import Spectrum
from spa.errors import DataError
from spa.image.fft import good_size, rfft2

_SMALLEST_PIXEL = 1.4  # angstroms; finer pixels are cropped away in Fourier space
_TAPER = 0.2  # of the tile's side, cosine at each edge
_FEWEST = 4  # tiles along a side, where they need not share more than half of themselves
_OVERLAP = 0.3  # at least, with each neighbour; the tapers leave little that both see


@dataclass(frozen=True)
class Tiles:
    """power (n, box, box//2+1) float32 in units of each tile's mean; centre (n, 2) x, y and side in pixels.

    shape: of the micrograph (ny, nx); pixel_size: of the spectra, angstroms.
    """

    power: np.ndarray
    centre: np.ndarray
    side: int
    shape: tuple[int, int]
    pixel_size: float

    def mean(self) -> Spectrum:
        """The mean spectrum."""
        return Spectrum(self.power.mean(axis=0, dtype=np.float64), self.pixel_size, len(self.power))


def tile_spectra(image: np.ndarray, pixel_size: float, box: int = 512) -> Tiles:
    """Spectra of overlapping tiles of a micrograph (ny, nx).

    A pixel below 1.4 angstroms gets larger tiles, cropped to ``box`` in Fourier space: the same rings, better sampled.
    A micrograph smaller than the tile gets one tile of its own short side. Tiles without contrast are left out;
    DataError where none has any.
    """
    side = good_size(round(box * max(1.0, _SMALLEST_PIXEL / pixel_size)))
    side = min(side, min(image.shape) // 2 * 2)
    size = min(box, side)
    low, high = _usable_range(image)
    floor = 1e-9 * (high - low) ** 2
    corners = [(x, y) for y in _starts(image.shape[0], side) for x in _starts(image.shape[1], side)]
    power = np.empty((len(corners), size, size // 2 + 1), np.float32)
    tile, edge = np.empty((side, side), np.float32), _edge(side)
    kept: list[tuple[int, int]] = []
    for x, y in corners:
        _windowed(np.array(image[y : y + side, x : x + side], np.float32, order="C"), low, high, edge, tile)
        if _powers(rfft2(tile), power[len(kept)], floor):
            kept.append((x, y))
    if not kept:
        raise DataError("no tile with any contrast")
    centre = np.array(kept, float) + (side - 1) / 2
    shape = (int(image.shape[0]), int(image.shape[1]))
    return Tiles(power[: len(kept)], centre, side, shape, pixel_size * side / size)


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


def _edge(side: int) -> np.ndarray:
    """Tukey's window (side,): flat, with cosine edges."""
    distance = np.minimum(np.arange(side) + 0.5, np.arange(side)[::-1] + 0.5) / (_TAPER * side)
    return (0.5 - 0.5 * np.cos(np.pi * np.minimum(distance, 1))).astype(np.float32)


@numba.njit("void(f4[:,::1], f4, f4, f4[::1], f4[:,::1])", nogil=True, cache=True, fastmath=True)
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


@numba.njit("b1(c8[:,::1], f4[:,::1], f4)", nogil=True, cache=True, fastmath=True)
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
