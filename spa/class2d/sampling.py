"""Grids over in-plane angle and shift, coarse to fine: each cell splits in two along psi, y and x.

Rule: a step in psi moves the rim of the particle by about the resolution of the band, a step of the shift is a
quarter of it; both were measured on simulated ribosomes.
"""

from dataclasses import dataclass

import numpy as np

from spa.image.disc import Disc

COARSE_BAND = 14  # shells of a box with the particle in 0.7 of it; 12 degrees


@dataclass(frozen=True)
class Level:
    """One grid: `psi` (n,) radians over a whole turn (n even), `shift` (m,) pixels along x as along y, its band."""

    radius: int
    psi: np.ndarray
    shift: np.ndarray

    @property
    def half(self) -> int:
        return len(self.psi) // 2

    @property
    def step(self) -> float:
        """Of the shifts, in pixels."""
        return float(self.shift[1] - self.shift[0])

    def ramps(self, band: Disc) -> np.ndarray:
        """(2 = x, y; m, 2 = re, im; K) phases exp(2 pi i k t / N) that move a particle at t to the centre."""
        count = band.count(self.radius)
        k = 2 * np.pi / band.box * np.stack([band.kx[:count], band.ky[:count]])[:, None, :]
        phase = (k * self.shift[:, None]).astype(np.float32)
        return np.stack([np.cos(phase), np.sin(phase)], axis=2)


def coarse_radius(box: int, diameter: float) -> int:
    """Band (shells) of the exhaustive pass; diameter in pixels."""
    return max(6, round(COARSE_BAND * 0.7 * box / diameter))


def levels(box: int, diameter: float, radius: int, reach: float, offset: float, finest: float = 1.0) -> list[Level]:
    """Coarse to fine grids for a band of `radius` shells.

    diameter and reach (largest shift) in pixels; offset in 0 … 1 turns the psi grid by that part of its step;
    finest: the last step in units of the rule.
    """
    first = min(radius, coarse_radius(box, diameter))
    step = 2.1 * box / (first * diameter)
    n = 2 * int(np.ceil(np.pi / step))
    h = float(np.clip(0.25 * box / first, 1.0, 4.0))
    m = 2 * int(np.ceil(reach / h)) + 3
    count = max(0, int(np.ceil(np.log2(radius / first / finest) - 0.35)))
    grids = []
    for level in range(count + 1):
        psi = (np.arange(n) + 0.5 + (offset - 0.5) * 2**level) * (2 * np.pi / n)
        shift = (np.arange(m) + 0.5 - m / 2) * h
        grids.append(Level(first if level == 0 else radius, psi, shift))
        n, m, h = 2 * n, 2 * m, h / 2
    return grids
