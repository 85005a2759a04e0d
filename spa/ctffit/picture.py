"""What a person looks at to believe a fit: the fitted rings against those of the spectrum."""

import numpy as np
from scipy.ndimage import gaussian_filter

from spa.ctffit.refine import Defocus, damping, envelope_and_misfit
from spa.ctffit.rings import Rings
from spa.ctffit.spectrum import Spectrum
from spa.image.ctf import Lens, ctf

_SMOOTH = 1.2  # pixels, against the noise of single coefficients
_FEWER = 4 * np.pi * _SMOOTH**2  # by which the smoothing divides the variance


def picture(spectrum: Spectrum, rings: Rings, lens: Lens, defocus: Defocus, thickness: float) -> np.ndarray:
    """A square (box, box) float32, frequency 0 at box//2: the fitted CTF² on the left, the spectrum on the right.

    The spectrum is over its background, smoothed a little, and scaled by the rings' amplitude (where it is above the
    noise) so that it runs from 0 to 1 as CTF² does.
    """
    box = spectrum.box
    ky, kx = np.meshgrid(np.arange(box) - box // 2, np.arange(box) - box // 2, indexing="ij")
    radius = np.rint(np.hypot(kx, ky)).astype(int)
    first, last = int(rings.radii[0]), int(rings.radii[-1])
    within = np.clip(radius, first, last)
    amplitude, misfit = envelope_and_misfit(rings, lens, defocus, thickness=thickness)
    factor = damping(lens, rings.mean(rings.k2, rings.count), thickness)
    envelope = amplitude / np.where(np.abs(factor) > 0.05, factor, np.inf)
    scale = np.interp(np.arange(last + 1), rings.radii, np.hypot(envelope, 3 * np.sqrt(misfit / _FEWER)))
    ratio = np.clip(_whole(spectrum.power) / rings.background[within] - 1, -5, 5)
    data = 0.5 + gaussian_filter(ratio, _SMOOTH) / scale[within]
    u, v, angle = (np.asarray(value) for value in (defocus.u, defocus.v, defocus.angle))
    model = ctf(lens, kx * rings.step, ky * rings.step, u, v, angle, defocus.phase_shift) ** 2
    model = 0.5 + damping(lens, (radius * rings.step) ** 2, thickness) * (model - 0.5)
    shown = np.where(kx < 0, model, np.clip(data, -0.25, 1.25))
    return np.where(radius == within, shown, 0.5).astype(np.float32)


def _whole(power: np.ndarray) -> np.ndarray:
    """The whole plane (box, box), frequency 0 at box//2, of a half spectrum in FFT order."""
    box = len(power)
    column = np.arange(box) - box // 2
    row = np.where(column >= 0, 1, -1)[None, :] * column[:, None]
    return power[row % box, np.abs(column)[None, :]]
