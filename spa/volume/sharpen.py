"""Sharpening: the Guinier B-factor, the detector's MTF, and weights from the FSC.

Source: Rosenthal & Henderson, J. Mol. Biol. 333 (2003) 721.
"""

from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.volume.shells import radii, raised_cosine, require_cube, shell_counts, shell_sums

FEWEST = 4  # shells that a straight line needs


@dataclass(frozen=True)
class Guinier:
    """ln of the mean amplitude in each shell against 1/d^2, and the line through it (None: not fitted)."""

    squared: np.ndarray  # 1/angstroms^2, (n//2+1,)
    original: np.ndarray
    weighted: np.ndarray
    sharpened: np.ndarray
    slope: float | None
    intercept: float | None

    @property
    def bfactor(self) -> float | None:
        """B in square angstroms (negative: the map is sharpened); None where no line was fitted."""
        return None if self.slope is None else 4 * self.slope


def fsc_weights(curve: np.ndarray) -> np.ndarray:
    """sqrt(2 FSC / (1 + FSC)) a shell: (n//2+1,); 0 from the first shell where the curve is not positive."""
    good = np.maximum(curve, 0)
    weights = np.sqrt(2 * good / (1 + good))
    gone = np.flatnonzero(curve[1:] <= 0)
    if len(gone):
        weights[gone[0] + 1 :] = 0
    weights[0] = 1
    return weights


def mtf_at(
    resolution_inverse_pixel: np.ndarray, value: np.ndarray, box: int, pixel_size: float, detector_pixel: float
) -> np.ndarray:
    """A detector's MTF (given against 1/pixel of the detector) in each shell of a map: (n//2+1,)."""
    order = np.argsort(resolution_inverse_pixel)
    shells = np.arange(box // 2 + 1) / (box * pixel_size) * detector_pixel
    return np.maximum(np.interp(shells, resolution_inverse_pixel[order], value[order]), 1e-3)


def amplitudes(spectrum: np.ndarray) -> np.ndarray:
    """Mean amplitude of a half spectrum in each shell: (n//2+1,)."""
    return shell_sums(np.abs(spectrum)) / shell_counts(len(spectrum))


def fitted(squared: np.ndarray, logs: np.ndarray, low: float, high: float) -> tuple[float, float] | tuple[None, None]:
    """Slope and intercept of the Guinier line from resolution low to high (angstroms), or None, None."""
    use = (squared >= 1 / low**2 - 1e-9) & (squared <= 1 / high**2 + 1e-9) & np.isfinite(logs)
    if use.sum() < FEWEST:
        return None, None
    slope, intercept = np.polyfit(squared[use], logs[use], 1)
    return float(slope), float(intercept)


def sharpened(
    volume: np.ndarray, pixel_size: float, weights: np.ndarray, low: float, high: float,
    bfactor: float | None = None, mtf: np.ndarray | None = None, lowpass: float | None = None,
) -> tuple[np.ndarray, Guinier]:  # fmt: skip
    """The map (n, n, n) divided by the MTF, weighted, and sharpened; and its Guinier plot.

    weights and mtf (n//2+1,) a shell; bfactor in square angstroms, or None: fitted between resolutions low and high
    (none is applied where too few shells lie between). lowpass (angstroms) cuts with a raised cosine of two shells.
    """
    n = require_cube(volume)
    spectrum = fft.rfft3(volume)
    shell = np.where(radii(n) <= n / 2, np.rint(radii(n)).astype(int), n // 2 + 1)  # nothing beyond Nyquist's sphere
    squared = (np.arange(n // 2 + 1) / (n * pixel_size)) ** 2
    original = _logs(spectrum)
    inside = np.minimum(radii(n), n / 2)  # beyond is nothing, and exp may be past all numbers
    spectrum = spectrum * np.append(weights, 0).astype(np.float32)[shell]
    if mtf is not None:
        spectrum /= np.interp(inside, np.arange(n // 2 + 1), mtf).astype(np.float32)
    weighted = _logs(spectrum)
    whole = slice((n + 1) // 2)  # of Nyquist's shell, maps have the half within the sphere alone
    slope, intercept = fitted(squared[whole], weighted[whole], low, high)
    applied = bfactor if bfactor is not None else 4 * slope if slope is not None else 0.0
    spectrum *= np.exp(-applied / 4 * (inside / (n * pixel_size)) ** 2).astype(np.float32)
    if lowpass:
        edge = n * pixel_size / lowpass
        spectrum *= raised_cosine(radii(n), edge - 1, edge + 1)
    plot = Guinier(squared, original, weighted, _logs(spectrum), slope, intercept)
    return fft.irfft3(spectrum, n), plot


def _logs(spectrum: np.ndarray) -> np.ndarray:
    """ln of the mean amplitudes, NaN where there is none."""
    mean = amplitudes(spectrum)
    return np.log(mean, out=np.full(len(mean), np.nan), where=mean > 0)
