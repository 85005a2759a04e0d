"""Shells of a cubic map's half spectrum (n, n, n//2+1): radii, sums over shells, radial filters."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from spa.errors import DataError
from spa.image import fft

SLAB = 1 << 16  # coefficients that are worked on together


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
    """The low frequencies of a finer half spectrum as a half spectrum of a map of box pixels; not to be written to."""
    if box == len(spectrum):
        return spectrum
    rows = np.fft.fftfreq(box, 1 / box).astype(int) % len(spectrum)
    return spectrum[np.ix_(rows, rows, np.arange(box // 2 + 1))]


def _slabs(n: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Planes z of a half spectrum, as many as stay in the cache, and the squared radii of their coefficients."""
    k = np.fft.fftfreq(n, 1 / n).astype(np.int32) ** 2
    plane = k[:, None] + np.arange(n // 2 + 1, dtype=np.int32) ** 2
    for first in range(0, n, depth := max(1, SLAB // plane.size)):
        yield slice(first, first + depth), k[first : first + depth, None, None] + plane


def _distances(n: int) -> np.ndarray:
    """Radius of each squared radius that there is."""
    return np.sqrt(np.arange(3 * (n // 2) ** 2 + 1))


def radial(spectrum: np.ndarray, factor: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The half spectrum (n, n, n//2+1) times a real factor of the radius (Fourier pixels), given as a function."""
    n = len(spectrum)
    table = np.asarray(factor(_distances(n)), np.float32)
    out = np.empty(spectrum.shape, np.complex64)
    for some, square in _slabs(n):
        np.multiply(spectrum[some], table[square], out=out[some])
    return out


def _sums(n: int, values: Callable[[slice], np.ndarray]) -> np.ndarray:
    """Sums over shells 0 ... n//2 of real values of planes z, each Friedel mate counted once."""
    shells = np.minimum(np.rint(_distances(n)), n // 2 + 1).astype(np.int64)
    out = np.zeros(n // 2 + 2)
    for some, square in _slabs(n):
        here = np.array(values(some), np.float64)
        here[:, :, 1 : (n + 1) // 2] *= 2
        out += np.bincount(shells[square].ravel(), here.ravel(), len(out))
    return out[:-1]


def shell_sums(values: np.ndarray) -> np.ndarray:
    """Sums over shells 0 ... n//2 of real values (n, n, n//2+1), each Friedel mate counted once: (n//2+1,) float64."""
    return _sums(len(values), lambda some: values[some])


def shell_products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The same of Re A* B, from half spectra."""
    return _sums(len(a), lambda some: a[some].real * b[some].real + a[some].imag * b[some].imag)


def shell_products_low(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The same over shells 0 ... last, from low parts (n, 2 last + 1, last + 1) of half spectra (`fft.rfft3_low`)."""
    n, last = len(a), a.shape[2] - 1
    plane, out = _low_squares(last), np.zeros(last + 2)
    for z, one, other in zip(np.fft.fftfreq(n, 1 / n), a, b):
        values = np.asarray(one.real * other.real + one.imag * other.imag, np.float64)
        values[:, 1:] *= 2
        shells = np.minimum(np.rint(np.sqrt(z * z + plane)), last + 1).astype(np.int64)
        out += np.bincount(shells.ravel(), values.ravel(), len(out))
    return out[:-1]


def _low_squares(last: int) -> np.ndarray:
    """Squared radii (2 last + 1, last + 1) of a plane's coefficients that are at most `last` in size."""
    return np.fft.ifftshift(np.arange(-last, last + 1))[:, None] ** 2 + np.arange(last + 1) ** 2


@lru_cache(maxsize=8)
def shell_counts(n: int) -> np.ndarray:
    """How many coefficients of the full transform lie in each shell: (n//2+1,) float64."""
    return shell_sums(np.ones((n, n, n // 2 + 1), np.float32))


def power(volume: np.ndarray) -> np.ndarray:
    """Mean of |F|^2 in each shell: (n//2+1,)."""
    n = require_cube(volume)
    spectrum = fft.rfft3(volume)
    return shell_products(spectrum, spectrum) / shell_counts(n)


def apply_radial(volume: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """The volume with each coefficient multiplied by curve (one value a shell, linear between; 0 beyond its end)."""
    shells = np.arange(len(curve))
    return _filtered(volume, lambda far: np.interp(far, shells, curve, right=0.0), len(curve) - 1)


def _filtered(
    volume: np.ndarray, factor: Callable[[np.ndarray], np.ndarray], end: float, threads: int = 1
) -> np.ndarray:
    """The volume with each coefficient times a factor of its radius, which is 0 from `end` on: columns that this makes
    nothing of are not transformed."""
    n, last = require_cube(volume), int(np.ceil(end))
    if 2 * last + 1 >= n:
        return fft.irfft3(radial(fft.rfft3(volume, threads), factor), n, threads)
    table = np.asarray(factor(_distances(n)), np.float32)
    low = fft.rfft3_low(volume, last, threads)
    plane = _low_squares(last)
    for part, z in zip(low, np.fft.fftfreq(n, 1 / n).astype(int)):
        part *= table[z * z + plane]
    return fft.irfft3_low(low, n, threads)


def raised_cosine(position: np.ndarray, start: float, end: float) -> np.ndarray:
    """1 up to start, 0 from end on, half a cosine between them (a step when they are the same)."""
    if end <= start:
        return (position <= start).astype(np.float32)
    found = (position <= start).astype(np.float32)
    falls = (position > start) & (position < end)
    found[falls] = 0.5 + 0.5 * np.cos(np.pi * ((position[falls] - start) / (end - start)))
    return found


def lowpass(
    volume: np.ndarray, pixel_size: float, resolution: float, edge: float = 2.0, threads: int = 1
) -> np.ndarray:
    """Remove detail finer than resolution (angstroms), with a raised cosine edge (shells wide) about it."""
    n = require_cube(volume)
    shell = n * pixel_size / resolution
    start, end = max(0.0, shell - edge / 2), shell + edge / 2
    return _filtered(volume, lambda far: raised_cosine(far, start, end), end, threads)
