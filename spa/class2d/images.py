"""Images as coefficients: where they are kept, and what of their optics the arithmetic needs."""

from dataclasses import dataclass

import numpy as np

from spa.image import ctf
from spa.image.disc import Disc


@dataclass(frozen=True)
class Group:
    """An optics group: the lens and the pixel size in angstroms."""

    lens: ctf.Lens
    pixel_size: float


class Phases:
    """chi of many particles at once: linear in mean defocus, astigmatism and phase shift, so a product of matrices."""

    def __init__(self, group: Group, band: Disc) -> None:
        scale = 1 / (band.box * group.pixel_size)
        kx, ky = band.kx * scale, band.ky * scale
        zero = ctf.phase(group.lens, kx, ky, *np.zeros((4, 1)))
        mean = ctf.phase(group.lens, kx, ky, 1.0, 1.0, 0.0, 0.0) - zero
        along = ctf.phase(group.lens, kx, ky, 1.0, -1.0, 0.0, 0.0) - zero
        across = ctf.phase(group.lens, kx, ky, 1.0, -1.0, np.pi / 4, 0.0) - zero
        self._basis = np.stack([mean, along, across, np.ones_like(mean), zero]).astype(np.float32)
        self._k2 = ((kx * kx + ky * ky) / 4).astype(np.float32)

    def ctf(self, optics: np.ndarray, count: int) -> np.ndarray:
        """(n, count) float32 CTF of rows `optics` (n, 6 = defocus u, v, angle, phase shift, B, contrast sign unused)."""
        u, v, angle, shift, bfactor = optics[:, :5].T
        half = (u - v) / 2
        terms = np.stack([(u + v) / 2, half * np.cos(2 * angle), half * np.sin(2 * angle), shift, np.ones_like(u)])
        value = np.sin(terms.T.astype(np.float32) @ self._basis[:, :count])
        if np.any(bfactor):
            value *= np.exp(-bfactor[:, None].astype(np.float32) * self._k2[:count])
        return value


@dataclass(frozen=True)
class Particles:
    """What classification knows of its images.

    coefficients: (n, 2, K) float32, in memory or mapped from a file; optics: (n, 5) defocus u, v (angstroms), angle,
    phase shift (radians), B factor; group: (n,) index into groups; half: (n,) 0 or 1, the pseudo-halves.
    """

    band: Disc
    coefficients: np.ndarray
    optics: np.ndarray
    group: np.ndarray
    half: np.ndarray
    phases: tuple[Phases, ...]

    def __len__(self) -> int:
        return len(self.coefficients)

    def ctf(self, rows: np.ndarray, count: int) -> np.ndarray:
        """(n, count) float32."""
        out = np.empty((len(rows), count), np.float32)
        for g, phases in enumerate(self.phases):
            mine = self.group[rows] == g
            if mine.any():
                out[mine] = phases.ctf(self.optics[rows[mine]], count)
        return out
