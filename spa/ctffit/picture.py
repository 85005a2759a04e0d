"""What a person looks at to believe a fit: the fitted rings against those of the spectrum."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spa.ctffit.refine import Defocus, envelope_and_misfit
from spa.ctffit.rings import SECTORS, Rings
from spa.image.ctf import Lens, ctf

_ALONG = 2.0  # sectors (3 degrees each) over which the spectrum is smoothed along its rings


def picture(rings: Rings, box: int, lens: Lens, defocus: Defocus) -> np.ndarray:
    """A square (box, box) float32, frequency 0 at box//2: the fitted CTF² on the left, the spectrum on the right.

    The spectrum is over its background, smoothed along the rings, and scaled by their amplitude (where it is above the
    noise) so that it runs from 0 to 1 as CTF² does.
    """
    ky, kx = np.meshgrid(np.arange(box) - box // 2, np.arange(box) - box // 2, indexing="ij")
    radius = np.rint(np.hypot(kx, ky)).astype(int)
    amplitude, misfit = envelope_and_misfit(rings, lens, defocus)
    pixels = np.maximum(np.bincount(rings.row, rings.count) * 2 * _ALONG / SECTORS, 1)
    scale = np.hypot(amplitude, 2 * np.sqrt(misfit / pixels))
    first, last = int(rings.radii[0]), int(rings.radii[-1])
    sector = (np.arctan2(ky, kx) % np.pi / np.pi * SECTORS).astype(int) % SECTORS
    within = np.clip(radius - first, 0, last - first)
    data = 0.5 + (_smoothed(rings) / np.interp(np.arange(first, last + 1), rings.radii, scale)[:, None])[within, sector]
    u, v, angle = (np.asarray(value) for value in (defocus.u, defocus.v, defocus.angle))
    model = ctf(lens, kx * rings.step, ky * rings.step, u, v, angle, defocus.phase_shift) ** 2
    shown = np.where(kx < 0, model, np.clip(data, -0.5, 1.5))
    return np.where((radius >= first) & (radius <= last), shown, 0.5).astype(np.float32)


def _smoothed(rings: Rings) -> np.ndarray:
    """The spectrum by ring (first to last) and sector, smoothed along the rings."""
    first, last = int(rings.radii[0]), int(rings.radii[-1])
    sector = (np.arctan2(rings.sin2, rings.cos2) / 2 % np.pi / np.pi * SECTORS).astype(int) % SECTORS
    total, weight = np.zeros((2, last - first + 1, SECTORS))
    total[rings.ring - first, sector] = rings.value * rings.count
    weight[rings.ring - first, sector] = rings.count
    total, weight = (gaussian_filter1d(part, _ALONG, axis=1, mode="wrap") for part in (total, weight))
    return total / np.maximum(weight, 1e-9)
