"""Shapes by their radial spectra: solid and hollow balls, discs, rings, ellipses, the Laplacian of a Gaussian.

A shape is kept as its two-dimensional Fourier transform along a radius (the Hankel transform of its profile); an
ellipse is the circle's spectrum at stretched frequencies. Lindeberg, Int. J. Comput. Vis. 30 (1998) 79 for the LoG.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from spa.image.bessel import j0

_SAMPLES = 160  # of a profile, and of a spectrum
NAMES = ("ball", "shell", "disc", "ring", "ellipse", "log")
HOLLOWS = (0.4, 0.55, 0.7, 0.8, 0.88)  # inner over outer radius of the shells that are tried
RATIOS = (1.5, 2.0, 2.8, 4.0)  # long over short axis of the ellipses that are tried


@dataclass(frozen=True)
class Shape:
    """values: spectrum at ``step * arange`` (1/angstrom); diameter in angstroms; ratio: long over short axis.

    The spectra that were asked for last are kept: fields of one size, seen through their CTF or not, want the same.
    """

    name: str
    diameter: float
    values: np.ndarray
    step: float
    ratio: float = 1.0
    hollow: float = 0.0
    _last: dict[tuple, list[np.ndarray]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def label(self) -> str:
        """For people: ``"shell 119 A, hollow 0.8"``."""
        more = f", hollow {self.hollow:g}" if self.hollow else f", {self.ratio:g} : 1" if self.ratio != 1 else ""
        return f"{self.name} {self.diameter:.0f} A{more}"

    @property
    def angles(self) -> int:
        """In-plane angles, over half a turn, at which it is tried."""
        return 1 if self.ratio == 1 else int(np.ceil(6 * self.ratio))

    @property
    def extent(self) -> float:
        """The longest diameter, angstroms."""
        return self.diameter * float(np.sqrt(self.ratio))

    def spectra(self, kx: np.ndarray, ky: np.ndarray) -> list[np.ndarray]:
        """The transform at frequencies kx, ky (1/angstrom), one for each in-plane angle."""
        key = (kx.shape, kx.tobytes(), ky.shape, ky.tobytes())
        found = self._last.get(key)
        if found is None:
            found = self._spectra(kx, ky)
            self._last.clear()
            self._last[key] = found
        return found

    def _spectra(self, kx: np.ndarray, ky: np.ndarray) -> list[np.ndarray]:
        kx, ky = np.asarray(kx, np.float32), np.asarray(ky, np.float32)
        if self.ratio == 1:
            return [self.at(np.sqrt(kx * kx + ky * ky))]
        long = float(np.sqrt(self.ratio))
        short = 1 / long
        found = []
        for angle in np.pi * np.arange(self.angles) / self.angles:
            c, s = float(np.cos(angle)), float(np.sin(angle))
            along, across = kx * (long * c) + ky * (long * s), ky * (short * c) - kx * (short * s)
            found.append(self.at(np.sqrt(along * along + across * across)))
        return found

    def at(self, frequencies: np.ndarray) -> np.ndarray:
        """Spectrum (float32) at frequencies in 1/angstrom; 0 beyond what is kept."""
        table = np.append(self.values, 0.0).astype(np.float32)
        place = np.minimum(
            np.asarray(frequencies, np.float32) * np.float32(1 / self.step), np.float32(len(table) - 1.01)
        )
        whole = place.astype(np.int32)
        return table[whole] + (place - whole) * (table[whole + 1] - table[whole])

    def scaled(self, factor: float) -> "Shape":
        """The same shape ``factor`` times as large."""
        return Shape(self.name, self.diameter * factor, self.values, self.step / factor, self.ratio, self.hollow)


def hankel(profile: np.ndarray, radii: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Two-dimensional Fourier transform along a radius of a round image, by the trapezoid rule."""
    weights = np.gradient(radii) * radii * 2 * np.pi
    return _waves(radii.tobytes(), frequencies.tobytes()) @ (profile * weights)


@lru_cache(maxsize=4)
def _waves(radii: bytes, frequencies: bytes) -> np.ndarray:
    """J0 (frequencies, radii) of float64; shapes of one diameter, and all that is learned, want the same."""
    return j0(2 * np.pi * np.outer(np.frombuffer(frequencies), np.frombuffer(radii)))


def frequencies(finest: float) -> np.ndarray:
    """Where spectra are kept, 1/angstrom, for detail as fine as that many angstroms."""
    return 1.5 / finest / _SAMPLES * np.arange(_SAMPLES)


def projected_shell(radii: np.ndarray, outer: float, hollow: float = 0.0) -> np.ndarray:
    """Projection of a ball of radius ``outer`` with a hole of ``hollow`` times that radius."""
    solid = 2 * np.sqrt(np.maximum(outer**2 - radii**2, 0))
    return solid - 2 * np.sqrt(np.maximum((hollow * outer) ** 2 - radii**2, 0))


def make(name: str, diameter: float, finest: float, hollow: float = 0.0, ratio: float = 1.0) -> Shape:
    """One of ball, shell, disc, ring, ellipse, log; diameter in angstroms (of an ellipse: the geometric mean)."""
    radius = diameter / 2
    radii, k = np.linspace(0, 1.05 * radius, 2 * _SAMPLES), frequencies(finest)
    step = float(k[1])
    if name == "log":
        sigma = radius / np.sqrt(2)
        return Shape(name, diameter, k**2 * np.exp(-2 * (np.pi * sigma * k) ** 2), step)
    if name in ("disc", "ring"):
        profile = ((radii <= radius) & (radii >= hollow * radius)).astype(np.float64)
    else:
        profile = projected_shell(radii, radius, hollow)
    return Shape(name, diameter, hankel(profile, radii, k), step, ratio, hollow)


@lru_cache(maxsize=1)
def family(names: tuple[str, ...], smallest: float, largest: float, finest: float) -> tuple[Shape, ...]:
    """The shapes that are tried: each name at diameters 10 % apart, shells and rings with several holes."""
    count = max(1, int(np.ceil(np.log(largest / smallest) / np.log(1.1)))) + 1 if largest > smallest else 1
    found = []
    for diameter in np.geomspace(smallest, largest, count):
        for name in names:
            hollows = HOLLOWS if name in ("shell", "ring") else (0.0,)
            ratios = RATIOS if name == "ellipse" else (1.0,)
            found += [make(name, float(diameter), finest, h, r) for h in hollows for r in ratios]
    return tuple(found)
