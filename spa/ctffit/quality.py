"""How good a fit is: the equi-phase average, its local agreement with the CTF, the fit resolution, the ice ring.

Equi-phase average: Zhang, J. Struct. Biol. 193 (2016) 1. Fit resolution: the rule of Rohou & Grigorieff, J. Struct.
Biol. 192 (2015) 216, and before it a test of the evidence, because a spectrum without rings agrees with something
here and there by chance.
"""

from dataclasses import dataclass

import numpy as np

from spa.ctffit.refine import Defocus, damping
from spa.ctffit.rings import Rings, fixed_phase
from spa.ctffit.spectrum import Spectrum
from spa.image.ctf import Lens, wavelength

CERTAIN = 10.0  # nats; noise, with and without form factors, stays below 8; rings of more are in the right place
UNSURE = 100.0  # angstroms: the error of a defocus that is worth a word
_NODE = 0.15  # of the rings' height
_ICE = (0.258, 0.285)  # 1/angstrom: water's first rings, 3.9 to 3.5 angstroms
_INSIDE, _OUTSIDE = (0.225, 0.25), (0.293, 0.318)


@dataclass(frozen=True)
class Profile:
    """By ring (m,): frequency (1/angstrom), spectrum over background - 1 along equal phase, CTF² and the fit-FRC."""

    frequency: np.ndarray
    spectrum: np.ndarray
    model: np.ndarray
    frc: np.ndarray


def profile(rings: Rings, lens: Lens, defocus: Defocus, thickness: float = 0.0) -> Profile:
    """The equi-phase average of all bins, and how well it follows CTF² of the mean defocus around each frequency."""
    first, last = int(rings.ring.min()), int(rings.ring.max())
    place = np.sqrt(_moved(rings, lens, defocus)) / rings.step
    inside = (place >= first) & (place < last)
    low, part = np.divmod(place[inside] - first, 1)
    index = np.concatenate([low, low + 1]).astype(int)
    weight = np.concatenate([1 - part, part]) * np.tile(rings.count[inside], 2)
    total = np.bincount(index, weight, last - first + 1)
    spectrum = np.bincount(index, weight * np.tile(rings.value[inside], 2), last - first + 1) / np.maximum(total, 1e-9)
    frequency = np.arange(first, last + 1) * rings.step
    chi = np.pi * wavelength(lens.voltage) * frequency**2 * defocus.mean
    chi += fixed_phase(lens, frequency**2, defocus.phase_shift)
    factor = damping(lens, frequency**2, thickness)
    model = 0.5 - 0.5 * factor * np.cos(2 * chi)
    return Profile(frequency, spectrum, model, _over_nodes(_local_correlation(spectrum, model, chi), factor))


def _moved(rings: Rings, lens: Lens, defocus: Defocus) -> np.ndarray:
    """k² (n,) at which the mean defocus has the phase that each bin has with the astigmatism (to first order)."""
    _, a, b, _ = defocus.parameters
    aberration = lens.cs * 1e7 * wavelength(lens.voltage) ** 2 * rings.k2  # d chi/d k² is pi lambda (df - this)
    slope = defocus.mean - aberration
    slope = np.where(np.abs(slope) > 1000, slope, 1000)
    return np.maximum(rings.k2 + (a * rings.cos2 + b * rings.sin2) / slope, 0)


def _over_nodes(frc: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The curve, straight across the nodes of thick ice, where a fit can agree with nothing."""
    seen = np.flatnonzero(np.abs(factor) > _NODE)
    return np.interp(np.arange(len(frc)), seen, frc[seen])


def _local_correlation(spectrum: np.ndarray, model: np.ndarray, chi: np.ndarray) -> np.ndarray:
    """Correlation of two curves in windows that reach one ring, and at least 1/40 of the curve, to either side."""
    least, turns = max(6, len(chi) // 40), chi / np.pi
    values = np.empty(len(chi))
    for at in range(len(chi)):
        near = np.flatnonzero(np.abs(turns - turns[at]) <= 1)
        window = slice(max(0, min(near[0], at - least)), max(near[-1], at + least) + 1)
        values[at] = _correlation(spectrum[window], model[window])
    return values


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two short curves, both rid of their linear trend."""
    x = np.linspace(-1, 1, len(one))
    trend = np.linalg.qr(np.stack([np.ones_like(x), x], axis=1))[0]
    one, other = one - trend @ (trend.T @ one), other - trend @ (trend.T @ other)
    return float(one @ other / max(float(np.sqrt((one @ one) * (other @ other))), 1e-30))


def fit_resolution(found: Profile, evidence: float, coarsest: float) -> float:
    """To which resolution (angstroms) the rings follow the fit; ``coarsest`` where there is no evidence of rings.

    From a tenth of the curve outwards the good frequencies end at the first where, after 4 with fit-FRC > 0.1, it is
    below 0.1, or after 4 above 0.66 it is below 0.5.
    """
    if evidence < CERTAIN:
        return coarsest
    some = good = 0
    for at in range(int(0.1 * len(found.frc)), len(found.frc)):
        value = found.frc[at]
        if (some > 3 and value < 0.1) or (good > 3 and value < 0.5):
            break
        some, good = some + (value > 0.1), good + (value > 0.66)
    return min(coarsest, 1 / float(found.frequency[at]))


def ice_ring(spectrum: Spectrum) -> float:
    """Power in water's ring (3.9 - 3.5 angstroms) over what its neighbours let expect, minus 1.

    NaN where the pixel is too large to show the ring.
    """
    if 0.5 / spectrum.pixel_size < _ICE[1]:
        return float("nan")
    k = _frequencies(spectrum)

    def power(band: tuple[float, float]) -> float:
        inside = (k >= band[0]) & (k <= band[1])
        return float(spectrum.power[inside].mean()) if inside.any() else float("nan")

    expected = power(_INSIDE)
    if 0.5 / spectrum.pixel_size >= _OUTSIDE[1]:
        expected = np.sqrt(expected * power(_OUTSIDE))
    return float(power(_ICE) / expected - 1)


def _frequencies(spectrum: Spectrum) -> np.ndarray:
    """|k| in 1/angstrom of each coefficient; the cross on the axes counts as infinitely far."""
    box, pixel = spectrum.box, spectrum.pixel_size
    ky, kx = np.meshgrid(np.fft.fftfreq(box, pixel), np.fft.rfftfreq(box, pixel), indexing="ij")
    return np.where((kx == 0) | (ky == 0), np.inf, np.hypot(kx, ky))
