"""The power spectrum of a micrograph, as all fits see it."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError


@dataclass(frozen=True)
class Spectrum:
    """A half spectrum (box, box//2+1) of power, rows in FFT order; one step is 1/(box · pixel_size) per angstrom."""

    power: np.ndarray
    pixel_size: float
    tiles: int

    @property
    def box(self) -> int:
        return len(self.power)


def of_amplitudes(found: np.ndarray, pixel_size: float, where: str) -> Spectrum:
    """Of amplitudes (box, box) with frequency 0 in the middle, as RELION keeps them; DataError for others."""
    if found.ndim != 2 or found.shape[0] != found.shape[1] or found.shape[0] % 2:
        sides = " x ".join(map(str, found.shape))
        raise DataError(f"{where}: {sides} values, where a square power spectrum of even side is wanted")
    power = np.fft.ifftshift(np.asarray(found, np.float64))[:, : len(found) // 2 + 1] ** 2
    mean = float(power[:, 1:].mean())
    if not np.isfinite(mean) or mean <= 0:
        raise DataError(f"{where}: a power spectrum of nothing, or of values that are not numbers")
    return Spectrum(power / mean, pixel_size, 1)
