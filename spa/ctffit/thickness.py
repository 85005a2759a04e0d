"""The thickness of the ice, from where the rings vanish and come back with the other sign.

Ice of thickness t holds all defocuses over t, so its rings are ``(1 - sinc(lambda k² t) cos 2 chi) / 2`` (Tichelaar et
al., Ultramicroscopy 216 (2020) 113023; Elferich et al., eLife 13 (2024) RP97227): from the first node,
``lambda k² t = 1``, they are inverted. Where the rings end before the first node nothing tells the thickness from an
envelope, and none is given.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from spa.ctffit.refine import Defocus, chi, damping
from spa.ctffit.rings import Rings, splines
from spa.image.ctf import Lens, wavelength

_THICKEST = 4000.0  # angstroms
_STEP = 10.0
_ENVELOPE = 5  # splines, none negative
_ROUGH = 0.05  # of the rings' height: how far they may be from any smooth envelope


@dataclass(frozen=True)
class Heights:
    """The rings' height over frequency: k2 (m,) in 1/angstrom², value (m,), root (m,) one over its error."""

    k2: np.ndarray
    value: np.ndarray
    root: np.ndarray

    def misfit(self, factor: np.ndarray) -> tuple[float, np.ndarray]:
        """Half of chi² (nats) of the best positive smooth envelope times ``factor`` (m,), and the envelope (m,)."""
        basis = splines(np.sqrt(self.k2), _ENVELOPE)
        coefficients, rest = nnls(basis * (factor * self.root)[:, None], self.value * self.root)
        return 0.5 * rest**2, basis @ coefficients


def heights(rings: Rings, lens: Lens, defocus: Defocus) -> Heights:
    """How high the fitted rings are in the spectrum, ring by ring; negative where they are inverted."""
    model, count, row = -0.5 * np.cos(2 * chi(rings, lens, defocus)), rings.count, rings.row
    power = np.bincount(row, count * model**2)
    value = np.bincount(row, count * rings.value * model) / np.maximum(power, 1e-30)
    misfit = np.bincount(row, count * (rings.value - value[row] * model) ** 2)
    variance = np.maximum(misfit / np.maximum(np.bincount(row) - 1, 1), 1e-30)
    smooth = np.convolve(np.pad(variance, 5, mode="edge"), np.ones(11) / 11, mode="valid")
    error2 = smooth / np.maximum(power, 1e-30)
    level = np.convolve(np.pad(value, 5, mode="edge"), np.ones(11) / 11, mode="valid")
    return Heights(rings.mean(rings.k2, count), value, 1 / np.sqrt(error2 + (_ROUGH * level) ** 2))


def find(rings: Rings, lens: Lens, defocus: Defocus) -> tuple[float, float]:
    """The thickness (angstroms) with the best node within the rings, and its gain (nats).

    The gain is that over rings without a node, or of the inverted rings over no rings beyond the node if that is less.
    """
    seen = heights(rings, lens, defocus)
    none, _ = seen.misfit(np.ones_like(seen.k2))
    lam, last = wavelength(lens.voltage), float(seen.k2[-1])
    coarse = np.arange(1.0 / (lam * last), _THICKEST, 4 * _STEP)
    if not len(coarse):
        return float("nan"), 0.0
    gains = np.array([none - seen.misfit(damping(lens, seen.k2, t))[0] for t in coarse])
    best = coarse[int(np.argmax(gains))]
    fine = best + np.arange(-5, 6) * _STEP
    values = np.array([none - seen.misfit(damping(lens, seen.k2, t))[0] for t in fine])
    at = int(np.argmax(values))
    found = float(fine[at] + _vertex(values, at) * _STEP)
    factor = damping(lens, seen.k2, found)
    model, inverted = factor * seen.misfit(factor)[1], lam * seen.k2 * found > 1
    beyond = 0.5 * seen.root**2 * (seen.value**2 - (seen.value - model) ** 2)
    return found, min(float(values[at]), float(beyond[inverted].sum()))


def _vertex(values: np.ndarray, at: int) -> float:
    """Where between its neighbours a maximum lies, in steps."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, middle, right = values[at - 1 : at + 2]
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if bend < 0 else 0.0
