"""Fourier shell correlation in cones: is a map as well resolved in one direction as in another?

Sources: Tan et al., Nat. Methods 14 (2017) 793 (3DFSC, cones of 20 degrees); the ratio of the areas under the worst and
the best cone's curve is what cryoSPARC calls cFAR.
"""

from dataclasses import dataclass

import numpy as np

from spa.compiled import kernel
from spa.image import fft
from spa.volume.fsc import MARGIN, fsc_spectra, randomisation_shell, randomise_phases
from spa.volume.shells import require_cube
from spa.volume.sphere import icosphere, sphericity

DIVISIONS = 3  # 642 directions, 321 axes
HALF_ANGLE = 20.0  # degrees
GOLD = 0.143
FEWEST = 15  # independent coefficients in a cone: in shells with fewer the whole shell's FSC stands for it
LEVEL = 0.8  # unmasked FSC from where phases are randomised


@dataclass(frozen=True, eq=False)
class Cones:
    """curves (v, n//2+1): FSC in a cone about each direction (v, 3) and its opposite, corrected for the mask."""

    directions: np.ndarray
    curves: np.ndarray

    @property
    def reach(self) -> np.ndarray:
        """(v,) the shell, with its part, where each cone's curve falls below 0.143."""
        return np.array([_fall(curve)[0] for curve in self.curves])

    @property
    def area(self) -> np.ndarray:
        """(v,) area under each cone's curve until there, in shells."""
        return np.array([_fall(curve)[1] for curve in self.curves])

    @property
    def cfar(self) -> float:
        """Least area over largest; below 0.5 the map is anisotropic."""
        area = self.area
        return float(area.min() / area.max())

    @property
    def sphericity(self) -> float:
        """Of the surface where the directional FSC falls below 0.143."""
        return sphericity(self.reach, DIVISIONS)


def _fall(curve: np.ndarray) -> tuple[float, float]:
    """Where a curve falls below 0.143 for two shells, linear between shells, and the area until there; from shell 1."""
    under = curve[1:] < GOLD
    below = np.flatnonzero(under & np.append(under[1:], True))
    if not len(below):
        return float(len(curve) - 1), float(curve[1:].sum())
    shell = int(below[0]) + 1
    if shell == 1:
        return 1.0, max(float(curve[1]), 0.0) + 1e-3
    here, there = curve[shell - 1], curve[shell]
    part = float((here - GOLD) / max(here - there, 1e-9))
    return shell - 1 + part, float(curve[1:shell].sum() + part * (here + GOLD) / 2)


def conical(
    half1: np.ndarray, half2: np.ndarray, mask: np.ndarray, rng: np.random.Generator, half_angle: float = HALF_ANGLE
) -> Cones:
    """Conical FSC of two half maps (n, n, n) under a soft mask; half_angle in degrees.

    Every shell is taken with its two neighbours, as a cone holds few coefficients; the correction for the mask is by
    half maps whose phases are random beyond where the unmasked FSC falls below 0.8.
    """
    n = require_cube(half1)
    spectra = [fft.rfft3(half) for half in (half1, half2)]
    start = randomisation_shell(fsc_spectra(*spectra), LEVEL)
    masked = [fft.rfft3(half * mask) for half in (half1, half2)]
    noise = [fft.rfft3(fft.irfft3(randomise_phases(one, start, rng), n) * mask) for one in spectra]
    points, _ = icosphere(DIVISIONS)
    axes = np.flatnonzero(_upper(points))
    true, random = _curves(masked, points[axes], half_angle), fsc_spectra(*noise)  # of all directions: it varies less
    beyond = np.arange(true.shape[1]) >= start + MARGIN
    share = np.where(random > true, 0, (true - random) / np.maximum(1 - random, 1e-9))
    curves = np.where(beyond, share, true)
    nearest = np.abs(points @ points[axes].T).argmax(1)
    return Cones(points, curves[nearest])


def _upper(points: np.ndarray) -> np.ndarray:
    """One of each opposite pair of directions."""
    z, y, x = np.round(points[:, ::-1].T, 9)
    return (z > 0) | ((z == 0) & (y > 0)) | ((z == 0) & (y == 0) & (x > 0))


def _curves(spectra: list[np.ndarray], axes: np.ndarray, half_angle: float) -> np.ndarray:
    """(a, n//2+1) FSC in cones about axes, each shell with its neighbours."""
    n = len(spectra[0])
    sums = np.zeros((len(axes), n // 2 + 1, 3))
    a, b = (np.ascontiguousarray(one, np.complex64) for one in spectra)
    _gather(a, b, np.ascontiguousarray(axes, np.float32), np.cos(np.deg2rad(half_angle)), sums)
    wide = sums.copy()
    wide[:, 1:] += sums[:, :-1]
    wide[:, :-1] += sums[:, 1:]
    curves = wide[..., 0] / np.sqrt(np.maximum(wide[..., 1] * wide[..., 2], 1e-30))
    independent = 6 * np.pi * np.arange(n // 2 + 1) ** 2 * (1 - np.cos(np.deg2rad(half_angle)))
    return np.where(independent < FEWEST, fsc_spectra(a, b), curves)


@kernel("void(c8[:,:,::1], c8[:,:,::1], f4[:,::1], f8, f8[:,:,::1])", fastmath=True)
def _gather(a, b, axes, cosine, sums):
    """Add each coefficient to the shells of all cones that it lies in: a b*, a a*, b b*; the origin is left out."""
    n = a.shape[0]
    half = n // 2
    limit = np.float32(cosine)
    for iz in range(n):
        z = np.float32(iz if iz < n - half else iz - n)
        for iy in range(n):
            y = np.float32(iy if iy < n - half else iy - n)
            for ix in range(a.shape[2]):
                x = np.float32(ix)
                length = np.sqrt(x * x + y * y + z * z)
                shell = int(length + np.float32(0.5))
                if shell < 1 or shell > half:
                    continue
                u, v = a[iz, iy, ix], b[iz, iy, ix]
                cross = u.real * v.real + u.imag * v.imag
                first = u.real * u.real + u.imag * u.imag
                second = v.real * v.real + v.imag * v.imag
                bound = limit * length
                for axis in range(axes.shape[0]):
                    along = axes[axis, 0] * x + axes[axis, 1] * y + axes[axis, 2] * z
                    if along > bound or -along > bound:
                        sums[axis, shell, 0] += cross
                        sums[axis, shell, 1] += first
                        sums[axis, shell, 2] += second
