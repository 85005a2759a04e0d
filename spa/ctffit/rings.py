"""A spectrum in polar bins, over its smooth background: what the fits look at.

The CTF's phase is linear in the mean defocus, in the two components of the astigmatism and in the phase shift, so each
bin carries the factors of these (k², k² cos 2φ, k² sin 2φ), averaged over its pixels.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.interpolate import BSpline

from spa.ctffit.spectrum import Spectrum
from spa.image.ctf import Lens, wavelength

SECTORS = 60  # over 180 degrees
_MILLIMETRE = 1e7  # angstroms


@dataclass(frozen=True)
class Rings:
    """Polar bins (n,) of a spectrum: factors of the phase (1/angstrom²), value over background - 1, pixels in the bin.

    ``ring`` is the radius in Fourier pixels; ``sector`` one of 60 over 180 degrees; ``step`` the Fourier pixel in
    1/angstrom; ``background`` the smooth rotational mean by ring.
    """

    k2: np.ndarray
    cos2: np.ndarray
    sin2: np.ndarray
    ring: np.ndarray
    value: np.ndarray
    count: np.ndarray
    step: float
    background: np.ndarray
    sector: np.ndarray

    def between(self, low: float, high: float) -> "Rings":
        """The bins between two resolutions in angstroms, coarse and fine."""
        k = self.ring * self.step
        keep = (k >= 1 / low) & (k <= 1 / high)
        names = ("k2", "cos2", "sin2", "ring", "value", "count", "sector")
        return replace(self, **{name: getattr(self, name)[keep] for name in names})

    @property
    def radii(self) -> np.ndarray:
        """The rings there are (m,), in Fourier pixels, ascending."""
        return np.unique(self.ring)

    @property
    def row(self) -> np.ndarray:
        """For each bin the place of its ring in ``radii``."""
        return np.searchsorted(self.radii, self.ring)

    def mean(self, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Weighted mean (m,) over each ring of ``values`` (n,)."""
        row = self.row
        return np.bincount(row, values * weight) / np.maximum(np.bincount(row, weight), 1e-30)


@dataclass(frozen=True)
class _Geometry:
    bin: np.ndarray  # of each used pixel
    pixel: np.ndarray  # flat index of each used pixel
    ring: np.ndarray  # of each used pixel
    k2: np.ndarray
    cos2: np.ndarray
    sin2: np.ndarray


@lru_cache(maxsize=8)
def _geometry(box: int) -> _Geometry:
    """Where each pixel of a half spectrum goes; the axes, where edges and readout leave a cross, are left out."""
    ky, kx = np.meshgrid(np.fft.fftfreq(box, 1 / box), np.arange(box // 2 + 1), indexing="ij")
    radius = np.hypot(kx, ky)
    use = (kx != 0) & (ky != 0) & (radius < box // 2 - 0.5) & (kx < box // 2)
    kx, ky, ring = kx[use], ky[use], np.rint(radius[use]).astype(int)
    azimuth = np.arctan2(ky, kx) % np.pi
    sector = np.minimum((azimuth / np.pi * SECTORS).astype(int), SECTORS - 1)
    cosine, sine = kx**2 - ky**2, 2 * kx * ky  # k² cos 2φ, k² sin 2φ
    return _Geometry(ring * SECTORS + sector, np.flatnonzero(use), ring, kx**2 + ky**2, cosine, sine)


def rings(spectrum: Spectrum, lowest: float = 60.0) -> tuple[Rings, np.ndarray]:
    """Polar bins of a spectrum, and the bin of each of its pixels (box · (box//2+1),) int32, -1 for those left out.

    The background is a spline through the logarithm of the rotational mean, from the resolution ``lowest`` (angstroms)
    on. Pixels far above their ring (reflections of ice, hot spots) are left out.
    """
    where, step = _geometry(spectrum.box), 1 / (spectrum.box * spectrum.pixel_size)
    power = spectrum.power.ravel()[where.pixel]
    keep = _not_outlying(power, where.ring)
    first = max(2, int(np.ceil(1 / lowest / step)))
    background = _smooth(power[keep], where.ring[keep], first)
    keep &= where.ring >= first
    ratio = power / background[where.ring] - 1
    used = where.bin[keep]
    count = np.bincount(used, minlength=where.bin.max() + 1)
    filled = np.flatnonzero(count)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(used, values[keep], len(count))[filled] / count[filled]

    found = Rings(
        k2=mean(where.k2) * step**2, cos2=mean(where.cos2) * step**2, sin2=mean(where.sin2) * step**2,
        ring=filled // SECTORS, value=mean(ratio), count=count[filled].astype(float), step=step, background=background,
        sector=filled % SECTORS,
    )  # fmt: skip
    pixels = np.full(spectrum.power.size, -1, np.int32)
    pixels[where.pixel[keep]] = (np.cumsum(count > 0) - 1)[used]
    return found, pixels


def _not_outlying(power: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """True for pixels within 8 robust standard deviations above their ring's median."""
    order = np.argsort(ring, kind="stable")
    edges = np.searchsorted(ring[order], np.arange(ring.max() + 2))
    limit = np.zeros(ring.max() + 1)
    for radius, (start, stop) in enumerate(zip(edges[:-1], edges[1:])):
        if stop > start:
            values = power[order[start:stop]]
            median = np.median(values)
            limit[radius] = median + 8 * 1.4826 * np.median(np.abs(values - median)) + 1e-30
    return power <= limit[ring]


def _smooth(power: np.ndarray, ring: np.ndarray, first: int) -> np.ndarray:
    """Background by ring: a cubic spline of 8 pieces through the logarithm of the mean power from ring ``first`` on."""
    count = np.bincount(ring)
    mean = np.bincount(ring, power) / np.maximum(count, 1)
    radii = np.flatnonzero((count > 0) & (np.arange(len(count)) >= first))
    basis = splines(radii / radii[-1], 11)
    weight = np.sqrt(count[radii])[:, None]
    logarithm = np.log(np.maximum(mean[radii], 1e-30))
    coefficients = np.linalg.lstsq(basis * weight, logarithm * weight[:, 0], rcond=None)[0]
    background = np.ones(len(count))
    background[radii] = np.exp(basis @ coefficients)
    return background


def splines(x: np.ndarray, number: int) -> np.ndarray:
    """Cubic B-splines (n, number) on evenly spaced knots over the range of ``x``."""
    low, high = float(np.min(x)), float(np.max(x)) * (1 + 1e-9) + 1e-12
    inner = np.linspace(low, high, number - 2)
    knots = np.concatenate([[low] * 3, inner, [high] * 3])
    return BSpline.design_matrix(np.asarray(x, float), knots, 3).toarray()


def fixed_phase(lens: Lens, k2: np.ndarray, phase_shift: float = 0.0) -> np.ndarray:
    """The part of chi that no defocus changes: spherical aberration, amplitude contrast, phase shift (radians)."""
    aberration = 0.5 * np.pi * lens.cs * _MILLIMETRE * wavelength(lens.voltage) ** 3
    return phase_shift + np.arcsin(lens.contrast) - aberration * k2**2


def phase_factors(rings: Rings, lens: Lens) -> np.ndarray:
    """d chi (4, n) by mean defocus, a, b = (U-V)/2 · (cos, sin) of twice the angle, and phase shift, of each bin."""
    scale = np.pi * wavelength(lens.voltage)
    return np.stack([scale * rings.k2, scale * rings.cos2, scale * rings.sin2, np.ones_like(rings.k2)])
