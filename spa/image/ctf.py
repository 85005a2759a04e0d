"""The contrast transfer function, in RELION's convention.

Positive at low frequency for density-positive (white) particles; defocus positive = underfocus; written here as
``CTF = sin(chi)`` with ``chi = pi lambda k^2 (df - Cs lambda^2 k^2 / 2) + phase shift + asin(contrast)``.
Source: Rohou & Grigorieff, J. Struct. Biol. 192 (2015) 216; RELION's signs (Scheres, J. Struct. Biol. 180 (2012) 519).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

_MILLIMETRE = 1e7  # angstroms


def wavelength(voltage: float | np.ndarray) -> Any:
    """Electron wavelength in angstroms at a voltage in kV (relativistic)."""
    volts = voltage * 1e3
    return 12.2643247 / np.sqrt(volts * (1 + volts * 0.978466e-6))


@dataclass(frozen=True)
class Lens:
    """What an optics group fixes: kV, mm, fraction of amplitude contrast; numbers, or arrays (n,) for many images."""

    voltage: float | np.ndarray
    cs: float | np.ndarray
    contrast: float | np.ndarray


def phase(
    lens: Lens, kx: np.ndarray, ky: np.ndarray,
    defocus_u: np.ndarray, defocus_v: np.ndarray, angle: np.ndarray, phase_shift: np.ndarray | float,
) -> np.ndarray:  # fmt: skip
    """chi in radians at frequencies kx, ky (1/angstrom); defocus in angstroms, angles in radians; broadcasts.

    The CTF is ``sin(chi)``: at k = 0 chi is asin(amplitude contrast) + phase shift, and it grows with underfocus.
    """
    lam = wavelength(lens.voltage)
    k2 = kx * kx + ky * ky
    mean, half = (defocus_u + defocus_v) / 2, (defocus_u - defocus_v) / 2
    azimuth2 = 2 * (np.arctan2(ky, kx) - angle)
    defocus = mean + half * np.cos(azimuth2)
    return (
        np.pi * lam * k2 * (defocus - 0.5 * lens.cs * _MILLIMETRE * lam**2 * k2)
        + phase_shift + np.arcsin(lens.contrast)
    )  # fmt: skip


def ctf(
    lens: Lens, kx: np.ndarray, ky: np.ndarray,
    defocus_u: np.ndarray, defocus_v: np.ndarray, angle: np.ndarray, phase_shift: np.ndarray | float = 0.0,
    bfactor: np.ndarray | float = 0.0,
) -> np.ndarray:  # fmt: skip
    """CTF at frequencies kx, ky (1/angstrom), positive at k -> 0; ``exp(-bfactor k^2/4)`` multiplies it."""
    value = np.sin(phase(lens, kx, ky, defocus_u, defocus_v, angle, phase_shift))
    return value * np.exp(-np.asarray(bfactor) / 4 * (kx * kx + ky * ky)) if np.any(bfactor) else value


def chi_basis(kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """(5, K) functions of frequency (1/angstrom) of which `chi_terms` are the coefficients."""
    k2 = kx * kx + ky * ky
    return np.stack([k2, kx * kx - ky * ky, 2 * kx * ky, k2 * k2, np.ones_like(k2)])


def chi_terms(
    lens: Lens, defocus_u: np.ndarray, defocus_v: np.ndarray, angle: np.ndarray, phase_shift: np.ndarray
) -> np.ndarray:
    """(n, 5) such that ``sin(chi_terms @ chi_basis)`` is the CTF of each of n images: one small matrix product."""
    lam = wavelength(lens.voltage)
    mean, half = (defocus_u + defocus_v) / 2, (defocus_u - defocus_v) / 2
    fixed = np.full(len(mean), -np.pi / 2 * lens.cs * _MILLIMETRE * lam**3)
    return np.stack(
        [np.pi * lam * mean, np.pi * lam * half * np.cos(2 * angle), np.pi * lam * half * np.sin(2 * angle),
         fixed, phase_shift + np.arcsin(lens.contrast)], axis=1,
    )  # fmt: skip
