"""Defocus U, V, angle and phase shift on the polar bins: from candidates to the best maximum.

The score is the log-likelihood of the normalised correlation between the spectrum over its background and
``envelope · CTF²``, both rid of smooth backgrounds (radial, and with two-fold azimuthal parts), under a normal prior
on the astigmatism. The phase chi is linear in (mean defocus, a, b, phase shift), where
``a, b = (U-V)/2 · (cos, sin) 2·angle``, so gradients are exact and cheap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize

from spa.ctffit.rings import Rings, fixed_phase, phase_factors, splines
from spa.ctffit.search import BACKGROUND, Bounds, Candidate, even_weights, search
from spa.image.ctf import Lens, wavelength

_SCALES = np.array([100.0, 100.0, 100.0, 0.1])  # angstroms, angstroms, angstroms, radians: a unit step of each
_CURVED = 0.05  # of a unit step, over which slopes are compared
_ANGLES = 12
FEWEST = 16  # rings that a fit needs
_CORRELATED = 2.0  # neighbouring bins are this much alike (taper, overlapping tiles)


@dataclass(frozen=True)
class Defocus:
    """U >= V in angstroms, angle of U from x in [0, pi), phase shift (radians)."""

    u: float
    v: float
    angle: float
    phase_shift: float

    @property
    def mean(self) -> float:
        return (self.u + self.v) / 2

    @staticmethod
    def of(parameters: np.ndarray) -> "Defocus":
        """From (mean, a, b, phase shift)."""
        mean, a, b, phase_shift = (float(p) for p in parameters)
        half = float(np.hypot(a, b))
        return Defocus(mean + half, mean - half, float(np.arctan2(b, a) / 2 % np.pi), phase_shift)

    @property
    def parameters(self) -> np.ndarray:
        """(mean, a, b, phase shift)."""
        half = (self.u - self.v) / 2
        return np.array([self.mean, half * np.cos(2 * self.angle), half * np.sin(2 * self.angle), self.phase_shift])


class Target:
    """The score of a set of parameters on polar bins, and its gradient."""

    def __init__(
        self, rings: Rings, lens: Lens, bounds: Bounds, weight: np.ndarray, envelope: np.ndarray | float = 1.0
    ) -> None:
        """``weight`` and ``envelope`` by bin (n,)."""
        self.bounds = bounds
        self.root = np.sqrt(weight / weight.mean())
        self.envelope = envelope * self.root
        self.background = np.linalg.qr(_smooth_basis(rings) * self.root[:, None])[0]
        data = self.rid(rings.value * self.root)
        self.data = data / max(float(np.linalg.norm(data)), 1e-30)
        self.factors = phase_factors(rings, lens)
        self.fixed = fixed_phase(lens, rings.k2)
        self.number = len(data) / _CORRELATED

    def rid(self, values: np.ndarray) -> np.ndarray:
        """``values`` (n,) without what smooth backgrounds explain."""
        return values - self.background @ (self.background.T @ values)

    def correlation(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Normalised correlation and its gradient (4,) by (mean, a, b, phase shift)."""
        chi2 = 2 * (parameters @ self.factors + self.fixed)
        model = self.rid(-0.5 * self.envelope * np.cos(chi2))
        norm = max(float(np.linalg.norm(model)), 1e-30)
        value = float(self.data @ model) / norm
        slope = self.envelope * np.sin(chi2) * (self.data / norm - value / norm**2 * model)
        return value, self.factors @ slope

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Log posterior in nats and its gradient."""
        value, gradient = self.correlation(parameters)
        value, inside = min(value, 1 - 1e-9), max(1 - value**2, 1e-9)
        prior = 0.5 * 4 * (parameters[1] ** 2 + parameters[2] ** 2) / self.bounds.astigmatism**2
        score = -0.5 * self.number * np.log(inside) * np.sign(value)
        pull = np.array([0, parameters[1], parameters[2], 0]) * 4 / self.bounds.astigmatism**2
        return score - prior, self.number * abs(value) / inside * gradient - pull


def refine(target: Target, candidates: Sequence[Candidate]) -> tuple[Defocus, float]:
    """The best maximum that can be reached from the candidates, all angles tried; its score in nats."""
    best, best_score = None, -np.inf
    for candidate in candidates:
        starts = list(_starts(candidate, target.bounds.astigmatism))
        scores = [target(start)[0] for start in starts]
        for start in {0, int(np.argmax(scores))}:
            parameters, score = climb(target, starts[start])
            if score > best_score:
                best, best_score = parameters, score
    if best is None:
        raise ValueError("no candidate to refine")
    return Defocus.of(best), best_score


def _starts(candidate: Candidate, astigmatism: float) -> Iterator[np.ndarray]:
    """Parameters around a candidate: no astigmatism first, then all angles of its width and of those to expect."""
    yield np.array([candidate.defocus, 0, 0, candidate.phase_shift])
    for half in {candidate.half, astigmatism / 2, astigmatism} - {0.0}:
        for angle in np.arange(_ANGLES) * np.pi / _ANGLES:
            yield Defocus(candidate.defocus + half, candidate.defocus - half, angle, candidate.phase_shift).parameters


def climb(target: Target, start: np.ndarray) -> tuple[np.ndarray, float]:
    """The maximum uphill from ``start`` within the bounds of defocus and phase shift; its score."""
    bounds = target.bounds
    reach = 10 * bounds.astigmatism
    limits = np.array([bounds.defocus, (-reach, reach), (-reach, reach), bounds.phase_shift]) / _SCALES[:, None]

    def downhill(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        score, gradient = target(scaled * _SCALES)
        return -score, -gradient * _SCALES

    found = minimize(downhill, start / _SCALES, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 60})
    return found.x * _SCALES, -float(found.fun)


def uncertainty(target: Target, parameters: np.ndarray) -> float:
    """Standard deviation (angstroms) of the mean defocus by the curvature of the score at its maximum, astigmatism, and
    a phase shift that is free, known as little as they are; no more than the range of the search."""
    low, high = target.bounds.phase_shift
    free = 4 if high > low else 3
    steps = np.diag(_CURVED * _SCALES)[:free]
    slopes = np.stack([(target(parameters + step)[1] - target(parameters - step)[1])[:free] for step in steps])
    curvature = -slopes / (2 * _CURVED) * _SCALES[:free]  # a unit step of each
    size, axes = np.linalg.eigh((curvature + curvature.T) / 2)
    most = float(np.ptp(target.bounds.defocus))
    if size[0] <= 0:
        return most
    return min(most, float(_SCALES[0] * np.sqrt((axes[0] ** 2 / size).sum())))


def envelope_and_misfit(
    rings: Rings, lens: Lens, defocus: Defocus, width: float = 8.0, thickness: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """What a fit teaches, by ring (m,): the amplitude of CTF² in the spectrum, and a pixel's variance about it.

    Both are smooth over ``width`` rings; the envelope is never below 3 % of its largest. The amplitude is the envelope
    times what a thickness (angstroms) of the ice makes of it.
    """
    factor = damping(lens, rings.mean(rings.k2, rings.count), thickness)
    model, count = -0.5 * factor[rings.row] * np.cos(2 * chi(rings, lens, defocus)), rings.count

    def smooth(values: np.ndarray) -> np.ndarray:
        return gaussian_filter1d(np.bincount(rings.row, values), width, mode="nearest")

    amplitude = smooth(count * rings.value * model) / np.maximum(smooth(count * model**2), 1e-30)
    amplitude = np.maximum(amplitude, 0.03 * max(float(amplitude.max()), 1e-30))
    misfit = rings.value - amplitude[rings.row] * model
    return amplitude * factor, smooth(count * misfit**2) / smooth(np.ones_like(count))


def weighted(rings: Rings, lens: Lens, bounds: Bounds, found: Defocus, thickness: float = 0.0) -> Target:
    """The score with the envelope and the noise that a fit teaches."""
    amplitude, variance = envelope_and_misfit(rings, lens, found, thickness=thickness)
    weight = rings.count / np.maximum(variance, 1e-30)[rings.row]
    return Target(rings, lens, bounds, weight, amplitude[rings.row])


def damping(lens: Lens, k2: np.ndarray, thickness: float) -> np.ndarray:
    """The factor (signed) of the rings of ice of a thickness in angstroms; 1 where it is 0 or not known."""
    return np.ones_like(k2) if not thickness > 0 else np.sinc(wavelength(lens.voltage) * k2 * thickness)


def chi(rings: Rings, lens: Lens, defocus: Defocus) -> np.ndarray:
    """The phase (radians) of each bin."""
    return defocus.parameters @ phase_factors(rings, lens) + fixed_phase(lens, rings.k2)


def _smooth_basis(rings: Rings) -> np.ndarray:
    """Smooth functions (n, BACKGROUND + 6) of the bins: radial splines, and three with each two-fold part."""
    k = np.sqrt(rings.k2)
    radial, few = splines(k, BACKGROUND), np.stack([np.ones_like(k), k, k**2], axis=1)
    return np.hstack([radial, few * (rings.cos2 / rings.k2)[:, None], few * (rings.sin2 / rings.k2)[:, None]])


def fit_bins(rings: Rings, lens: Lens, bounds: Bounds) -> tuple[Defocus, float, float]:
    """Two rounds: with even weights, then over all rings with the envelope and noise that the first found.

    The first is done on all rings and on the inner ones alone, for rings that end before the range does; what explains
    all rings best after the second is taken. Returns the defocus, and at it, with even weights, the correlation over
    all rings and the evidence (nats over no rings) of those rings, all or inner, that speak for it most.
    """
    rounds, targets = [], []
    for part in _parts(rings, bounds):
        targets.append(Target(part, lens, bounds, even_weights(part)))
        first, _ = refine(targets[-1], search(part, lens, bounds)[0])
        parameters, score = climb(weighted(rings, lens, bounds, first), first.parameters)
        rounds.append((score, parameters))
    _, found = max(rounds, key=lambda one: one[0])
    evidence = max(target(found)[0] for target in targets)
    return Defocus.of(found), targets[0].correlation(found)[0], evidence


def _parts(rings: Rings, bounds: Bounds) -> Iterator[Rings]:
    """All rings; then those to 1.6 and 2.5 times the fine end, where enough are left."""
    for factor in (1.0, 1.6, 2.5):
        part = rings.between(bounds.low, bounds.high * factor)
        if factor == 1 or len(part.radii) >= FEWEST:
            yield part
