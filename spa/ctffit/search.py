"""The first look: defocus (and phase shift) from the rotational average, astigmatism allowed for.

Averaged over azimuth, CTF² under an astigmatism of half-width h is ``(1 - J0(2 pi lambda k² h) cos 2 chi) / 2``: strong
astigmatism damps and inverts the outer rings, which would otherwise be read as the wrong defocus. The score is the
log-likelihood of a correlation r over n rings, ``-n/2 log(1 - r²)``, with a normal prior on the astigmatism. Data and
model lose the same smooth background, so that the wide rings of a small defocus are not biased by it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import j0

from spa.ctffit.rings import Rings, fixed_phase, splines
from spa.image.ctf import Lens, wavelength

BACKGROUND = 7  # splines that data and model lose
_HALF_WIDTHS = 9  # astigmatisms tried, from none to 5 standard deviations of the prior
_PHASE_STEP = np.radians(10)
_HOPELESS = 15.0  # nats below the best: not worth refining


@dataclass(frozen=True)
class Bounds:
    """What is searched: resolutions, defocus and expected astigmatism in angstroms, phase shift in radians."""

    low: float = 30.0
    high: float = 5.0
    defocus: tuple[float, float] = (3000.0, 50000.0)
    phase_shift: tuple[float, float] = (0.0, 0.0)
    astigmatism: float = 300.0


@dataclass(frozen=True)
class Candidate:
    """A local maximum of the search: mean defocus, (U - V) / 2 (angstroms), phase shift (radians), its score."""

    defocus: float
    half: float
    phase_shift: float
    score: float


def even_weights(rings: Rings) -> np.ndarray:
    """Weight of each bin (n,): its pixels, less where the neighbouring rings vary more than most do.

    The form factor of the particles makes the innermost rings uneven far beyond noise and beyond any CTF.
    """
    average = rings.mean(rings.value, rings.count)
    energy = gaussian_filter1d(average**2, 5.0, mode="nearest")
    return rings.count / np.maximum(1.0, energy / np.median(energy))[rings.row]


def likelihood(correlation: np.ndarray, number: float) -> np.ndarray:
    """Log-likelihood (nats, over no correlation) of a positive correlation over ``number`` points; 0 for a negative."""
    positive = np.clip(correlation, 0, 1 - 1e-9)
    return -0.5 * number * np.log1p(-(positive**2))


def search(rings: Rings, lens: Lens, bounds: Bounds, number: int = 6) -> tuple[list[Candidate], np.ndarray, np.ndarray]:
    """The best local maxima over defocus, best first; and the curve: defocus (d,) in angstroms, score (d,) in nats."""
    scores = _Scores(rings, lens)
    step = 0.7 / (2 * np.pi * wavelength(lens.voltage) * float(rings.k2.max()))
    low, high = bounds.defocus
    defocus = np.linspace(low, high, max(2, int(np.ceil((high - low) / step)) + 1))
    halves = np.linspace(0, 2.5 * bounds.astigmatism, _HALF_WIDTHS)
    first, last = bounds.phase_shift
    phases = np.linspace(first, last, int(np.ceil((last - first) / _PHASE_STEP)) + 1)
    table = np.stack([scores(defocus, half, phases) for half in halves])  # (halves, defocus, phases)
    table -= (0.5 * (2 * halves / bounds.astigmatism) ** 2)[:, None, None]
    curve = table.max(axis=(0, 2))
    found: list[Candidate] = []
    for at in _peaks(curve)[:number]:
        if found and curve[at] < found[0].score - _HOPELESS:
            break
        half, phase = np.unravel_index(np.argmax(table[:, at]), (len(halves), len(phases)))
        found.append(Candidate(float(defocus[at]), float(halves[half]), float(phases[phase]), float(curve[at])))
    return found, defocus, curve


class _Scores:
    """Scores of rotational averages: data (m,) whitened and rid of the background once, models as asked."""

    def __init__(self, rings: Rings, lens: Lens) -> None:
        weight = even_weights(rings)
        self.k2 = rings.mean(rings.k2, rings.count)
        self.root = np.sqrt(np.bincount(rings.row, weight))
        basis = splines(np.sqrt(self.k2), BACKGROUND) * self.root[:, None]
        self.background = np.linalg.qr(basis)[0]
        data = self.rid(rings.mean(rings.value, rings.count) * self.root)
        self.data = data / max(float(np.linalg.norm(data)), 1e-30)
        self.scale = np.pi * wavelength(lens.voltage)
        self.fixed = fixed_phase(lens, self.k2)

    def rid(self, values: np.ndarray) -> np.ndarray:
        """``values`` (..., m) without what smooth backgrounds explain."""
        return values - (values @ self.background) @ self.background.T

    def __call__(self, defocus: np.ndarray, half: float, phases: np.ndarray) -> np.ndarray:
        """Scores (d, p) in nats at an astigmatism's half-width."""
        damped = j0(2 * self.scale * self.k2 * half) * self.root
        chi2 = 2 * (self.scale * np.outer(defocus, self.k2) + self.fixed)
        cosine, sine = self.rid(-np.cos(chi2) * damped), self.rid(np.sin(chi2) * damped)
        c, s = np.cos(2 * phases), np.sin(2 * phases)
        cross = np.outer(cosine @ self.data, c) + np.outer(sine @ self.data, s)
        power = (
            np.outer((cosine**2).sum(1), c**2) + np.outer((sine**2).sum(1), s**2)
            + np.outer(2 * (cosine * sine).sum(1), c * s)
        )  # fmt: skip
        return likelihood(cross / np.sqrt(np.maximum(power, 1e-30)), len(self.data))


def _peaks(curve: np.ndarray) -> np.ndarray:
    """Places of the local maxima, highest first; the ends count."""
    padded = np.concatenate([[-np.inf], curve, [-np.inf]])
    peaks = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]))
    return peaks[np.argsort(-curve[peaks], kind="stable")]
