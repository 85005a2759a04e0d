"""Shells of a cubic map's half spectrum (n, n, n//2+1): radii, sums over shells, radial filters."""

from functools import lru_cache

import numpy as np

from spa.errors import DataError
from spa.image import fft


def require_cube(volume: np.ndarray, name: str = "map") -> int:
    """The box size n of a cubic volume (n, n, n); DataError for any other shape."""
    if volume.ndim != 3 or len(set(volume.shape)) != 1:
        raise DataError(f"{name}: a cubic volume is needed, not {' x '.join(map(str, volume.shape))}")
    return volume.shape[0]


def radii(n: int) -> np.ndarray:
    """Distance of each coefficient from the origin, in Fourier pixels: (n, n, n//2+1) float32."""
    k = np.fft.fftfreq(n, 1 / n).astype(np.float32)
    kx = np.arange(n // 2 + 1, dtype=np.float32)
    return np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + kx**2)


def cropped(spectrum: np.ndarray, box: int) -> np.ndarray:
    """The low frequencies of a finer half spectrum as a half spectrum of a map of box pixels."""
    rows = np.fft.fftfreq(box, 1 / box).astype(int) % len(spectrum)
    return spectrum[np.ix_(rows, rows, np.arange(box // 2 + 1))]


@lru_cache(maxsize=2)
def _shell_index(n: int) -> np.ndarray:
    """Shell (rounded radius) of each coefficient, flat; n//2+1 stands for everything beyond."""
    return np.minimum(np.rint(radii(n)), n // 2 + 1).astype(np.int32).ravel()


def shell_sums(values: np.ndarray) -> np.ndarray:
    """Sums over shells 0 ... n//2 of real values (n, n, n//2+1), each Friedel mate counted once: (n//2+1,) float64."""
    n = values.shape[0]
    weights = np.array(values, np.float64)
    weights[:, :, 1 : (n + 1) // 2] *= 2
    return np.bincount(_shell_index(n), weights.ravel(), n // 2 + 2)[: n // 2 + 1]


@lru_cache(maxsize=8)
def shell_counts(n: int) -> np.ndarray:
    """How many coefficients of the full transform lie in each shell: (n//2+1,) float64."""
    return shell_sums(np.ones((n, n, n // 2 + 1)))


def power(volume: np.ndarray) -> np.ndarray:
    """Mean of |F|^2 in each shell: (n//2+1,)."""
    n = require_cube(volume)
    return shell_sums(np.abs(fft.rfft3(volume)) ** 2) / shell_counts(n)


def apply_radial(volume: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """The volume with each coefficient multiplied by curve (one value a shell, linear between; 0 beyond its end)."""
    n = require_cube(volume)
    factor = np.interp(radii(n).ravel(), np.arange(len(curve)), curve, right=0.0).astype(np.float32)
    return fft.irfft3(fft.rfft3(volume) * factor.reshape(n, n, -1), n)


def raised_cosine(position: np.ndarray, start: float, end: float) -> np.ndarray:
    """1 up to start, 0 from end on, half a cosine between them (a step when they are the same)."""
    if end <= start:
        return (position <= start).astype(np.float32)
    fall = np.clip((position - start) / (end - start), 0, 1)
    return (0.5 + 0.5 * np.cos(np.pi * fall)).astype(np.float32)


def lowpass(volume: np.ndarray, pixel_size: float, resolution: float, edge: float = 2.0) -> np.ndarray:
    """Remove detail finer than resolution (angstroms), with a raised cosine edge (shells wide) about it."""
    n = require_cube(volume)
    shell = n * pixel_size / resolution
    factor = raised_cosine(radii(n), max(0.0, shell - edge / 2), shell + edge / 2)
    return fft.irfft3(fft.rfft3(volume) * factor, n)
