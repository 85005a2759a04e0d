"""What the optics of a group do beyond defocus, Cs and astigmatism, in RELION's terms.

An image's coefficient at k shows the slice at q = M k, with M the magnification, the CTF ``sin(chi(q) - even(q))``
and the phase ``exp(i odd(q))``; the origin shifts the image as it lies, at k.
Source: Zivanov, Nakane & Scheres, IUCrJ 7 (2020) 253.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spa.image.ctf import wavelength
from spa.image.zernike import EVEN, ODD, series

COMA = ((0, 3), (1, 4))  # indices of the odd terms (y: 0 and 3, x: 1 and 4) that a beam tilt is made of


@dataclass(frozen=True)
class Aberrations:
    """odd, even: Zernike coefficients in radians, beam tilt among the odd; magnification: M's rows."""

    odd: tuple[float, ...] = ()
    even: tuple[float, ...] = ()
    magnification: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0)

    @property
    def matrix(self) -> np.ndarray:
        """M (2, 2)."""
        return np.array(self.magnification).reshape(2, 2)

    @property
    def straight(self) -> bool:
        """Whether the magnification is the same everywhere, and 1."""
        return self.magnification == (1.0, 0.0, 0.0, 1.0)

    def phase(self, qx: np.ndarray, qy: np.ndarray) -> np.ndarray:
        """Radians that the odd aberrations add to the phase of an image's coefficients at q (1/angstrom)."""
        return series(ODD, self.odd, qx, qy)

    def offset(self, qx: np.ndarray, qy: np.ndarray) -> np.ndarray:
        """Radians that the even aberrations add to the CTF's chi at q (1/angstrom)."""
        return -series(EVEN, self.even, qx, qy)


NONE = Aberrations()


def coma(tilt: tuple[float, float], cs: float, voltage: float) -> tuple[float, ...]:
    """Odd coefficients of a beam tilt x, y (milliradians) at Cs (mm) and voltage (kV).

    The phase is ``-2 pi Cs lambda^2 q^2 (tilt.q)``.
    """
    scale = 2e4 * np.pi * cs * wavelength(voltage) ** 2
    found = np.zeros(6)
    for (low, high), angle in zip(COMA, (tilt[1], tilt[0])):
        found[low], found[high] = -2 / 3 * scale * angle, -1 / 3 * scale * angle
    return tuple(found.tolist())


def summed(*parts: Sequence[float]) -> tuple[float, ...]:
    """Coefficients added, the shorter ones as if 0 followed."""
    total = np.zeros(max((len(part) for part in parts), default=0))
    for part in parts:
        total[: len(part)] += part
    return tuple(total.tolist())


def moved_defocus(
    u: np.ndarray, v: np.ndarray, angle: np.ndarray, matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Defocus u, v (angstroms), angle (radians) such that at q = M k they say what the given ones say at k."""
    inverse = np.linalg.inv(matrix)
    mean, half = (u + v) / 2, (u - v) / 2
    form = np.empty((len(mean), 2, 2))
    form[:, 0, 0], form[:, 1, 1] = mean + half * np.cos(2 * angle), mean - half * np.cos(2 * angle)
    form[:, 0, 1] = form[:, 1, 0] = half * np.sin(2 * angle)
    form = inverse.T @ form @ inverse
    mean, cosine, sine = (form[:, 0, 0] + form[:, 1, 1]) / 2, (form[:, 0, 0] - form[:, 1, 1]) / 2, form[:, 0, 1]
    half = np.hypot(cosine, sine)
    return mean + half, mean - half, np.arctan2(sine, cosine) / 2
