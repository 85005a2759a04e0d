"""Templates that turn: polar spectra, their angular harmonics, and the few filters that all of them are made of.

A template turned by an angle is its harmonics times phases (Freeman & Adelson, IEEE Trans. Pattern Anal. Mach. Intell.
13 (1991) 891), and within one harmonic the radial functions of all templates span few dimensions (Perona, ibid. 17
(1995) 488). So thousands of turned templates are sums of as many filters as a disc of their size holds details.
"""

from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.image.resample import fourier_resized
from spa.volume.slices import reference, slices

_FINER = 6  # samples of a radius in Fourier space for each 1/diameter
_COARSE = 2.6  # pixels an image is given for the finest period that is looked at
LOST = 3e-3  # of the templates' energy, left out of the filters


@dataclass(frozen=True, eq=False)
class Polar:
    """Harmonics of templates: values (V, M+1, R) complex at orders m and frequencies radii (R,) in 1/angstrom.

    The spectrum at azimuth t is the sum over m, of both signs, of values[m] exp(i m t); order -m is (-1)^m times the
    conjugate of order m, since templates are real.
    """

    values: np.ndarray
    radii: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def power(self, azimuths: int) -> np.ndarray:
        """|spectrum|^2 (V, R, azimuths), at azimuths spread evenly over the full turn."""
        orders = self.values.shape[1]
        size = max(azimuths, azimuths * -(-2 * orders // azimuths))  # no order is folded onto another
        folded = np.zeros((len(self.values), len(self.radii), size), np.complex64)
        for m in range(orders):
            folded[..., m] += self.values[:, m]
            if m:
                folded[..., -m] += (-1) ** m * np.conj(self.values[:, m])
        spectrum = (np.fft.ifft(folded, axis=2) * size)[..., :: size // azimuths]
        return (spectrum.real**2 + spectrum.imag**2).astype(np.float32)


def _points(diameter: float, highest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Radii (R,) in 1/angstrom, and kx, ky (R, A) at azimuths over half a turn."""
    radii = np.arange(int(np.ceil(_FINER * diameter * highest)) + 1) / (_FINER * diameter)
    radii = radii[radii <= highest + 1e-12]
    half = int(np.ceil(np.pi * diameter * highest)) + 8
    azimuth = np.pi * np.arange(half) / half
    return radii, radii[:, None] * np.cos(azimuth), radii[:, None] * np.sin(azimuth)


def _harmonics(spectra: np.ndarray, radii: np.ndarray) -> Polar:
    """From spectra (V, R, A) over half a turn; the other half is their conjugate."""
    whole = np.concatenate([spectra, np.conj(spectra)], axis=2)
    values = np.fft.fft(whole, axis=2) / whole.shape[2]
    return Polar(np.swapaxes(values[..., : spectra.shape[2]], 1, 2).astype(np.complex64), radii)


def of_images(images: np.ndarray, pixel_size: float, diameter: float, highest: float) -> Polar:
    """Harmonics of images (V, n, n) that are 0 outside of a disc of ``diameter`` angstroms about pixel n//2.

    highest: the largest frequency, 1/angstrom; what the images cannot hold is 0. n is even.
    """
    n = images.shape[-1]
    small = min(n, max(16, fft.good_size(int(np.ceil(_COARSE * highest * n * pixel_size)))))
    coarse = fourier_resized(np.asarray(images, np.float32), (small, small))
    step = pixel_size * n / small
    offset = (np.arange(small) - small // 2) * step
    inside = np.hypot(offset[:, None], offset[None]) <= diameter / 2 + 2 * step
    y, x = (axis[inside] for axis in np.meshgrid(offset, offset, indexing="ij"))
    radii, kx, ky = _points(diameter, highest)
    turns = np.stack([x, y], 1) @ np.stack([kx.ravel(), ky.ravel()])
    turns -= np.rint(turns)
    angles = (-2 * np.pi * turns).astype(np.float32)
    pixels = coarse[:, inside]
    spectra = np.empty((len(images), angles.shape[1]), np.complex64)
    spectra.real, spectra.imag = pixels @ np.cos(angles), pixels @ np.sin(angles)
    spectra = spectra.reshape(len(images), *kx.shape)
    return _harmonics(spectra * (radii < 0.5 / pixel_size)[:, None], radii)


def of_map(
    volume: np.ndarray, pixel_size: float, poses: np.ndarray, diameter: float, highest: float, threads: int = 1
) -> Polar:
    """Harmonics of the projections of a map (n, n, n) at poses (V, 3, 3); the map is 0 outside of ``diameter``."""
    n = len(volume)
    radii, kx, ky = _points(diameter, min(highest, 0.5 / pixel_size - 1.5 / (n * pixel_size)))
    source = reference(volume, int(np.ceil(radii[-1] * n * pixel_size)) + 1, threads)
    parts = slices(source, poses, *(k.ravel() * n * pixel_size for k in (kx, ky)))
    return _harmonics((parts[:, 0] + 1j * parts[:, 1]).reshape(len(poses), *kx.shape), radii)


@dataclass(frozen=True, eq=False)
class Filters:
    """What templates are made of: radial (B, R) real functions of the orders (B,), a sine and a cosine each.

    weights (V, B) complex: a template's harmonic m is the sum of its weights times the radial functions of order m.
    """

    radial: np.ndarray
    orders: np.ndarray
    radii: np.ndarray
    weights: np.ndarray

    def of_order(self, m: int) -> slice:
        """Where the functions of one order lie."""
        return slice(*np.searchsorted(self.orders, (m, m + 1)))

    @property
    def highest(self) -> int:
        """The largest order."""
        return int(self.orders[-1])

    def spectra(self, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
        """(2 B, ...) real: cosine then sine of each, at frequencies in 1/angstrom; of odd orders without their -i."""
        k, azimuth = np.hypot(kx, ky), np.arctan2(ky, kx)
        place = np.minimum(k / self.radii[1], len(self.radii)).astype(np.float32)
        low = np.minimum(place.astype(np.int32), len(self.radii) - 1)
        part = place - low
        out = np.empty((len(self.orders), 2, *k.shape), np.float32)
        for m in range(self.highest + 1):
            turn = np.cos(m * azimuth), np.sin(m * azimuth)
            for b in range(*self.of_order(m).indices(len(self.orders))):
                table = np.append(self.radial[b], (0, 0)).astype(np.float32)
                value = table[low] + part * (table[low + 1] - table[low])
                out[b, 0], out[b, 1] = value * turn[0], value * turn[1]
        return out


def compressed(polar: Polar, weights: np.ndarray, lost: float = LOST) -> Filters:
    """The filters that hold all but ``lost`` of the templates' energy, which counts by ``weights`` (R,)."""
    root = np.sqrt(np.maximum(weights, 1e-12 * weights.max()) * np.maximum(polar.radii, polar.radii[1] / 4))
    twice = np.where(np.arange(polar.values.shape[1]) > 0, 2.0, 1.0)[:, None]
    scaled = polar.values * root
    energy = np.sum(twice * np.abs(scaled) ** 2, axis=(1, 2))
    scaled /= np.sqrt(np.maximum(energy, 1e-30))[:, None, None]
    found = []
    for m in range(scaled.shape[1]):
        rows = np.concatenate([scaled[:, m].real, scaled[:, m].imag])
        _, size, functions = np.linalg.svd(rows, full_matrices=False)
        found.append((twice[m, 0] * size**2, functions))
    every = np.sort(np.concatenate([size for size, _ in found]))
    least = every[np.searchsorted(np.cumsum(every), lost * every.sum())]
    kept = [functions[size >= least] for size, functions in found]
    orders = np.repeat(np.arange(len(kept)), [len(functions) for functions in kept])
    made = [polar.values[:, m] * root @ functions.T for m, functions in enumerate(kept)]
    return Filters(np.concatenate(kept) / root, orders, polar.radii, np.concatenate(made, axis=1).astype(np.complex64))
