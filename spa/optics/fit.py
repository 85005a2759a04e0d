"""Terms fitted to a profile, and which of them are significant."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from spa.optics.profiles import Profile

STEPS = 60
SPANS = (0.35, 0.5, 0.7, 1.0)  # of the band: a fit grows from where phases are small


@dataclass(frozen=True, eq=False)
class Term:
    """A name, and functions (m, K) of which a phase is a sum.

    needs: names of lower terms that stay as long as this one does: without them it would stand for them.
    """

    name: str
    basis: np.ndarray
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Fitted:
    """Of each term: values (m,) and their errors, twice the log-likelihood that it gains (a chi-square of m), the
    probability that chance does as well, and whether it was kept (values of those left out are 0)."""

    term: Term
    values: np.ndarray
    errors: np.ndarray
    gain: float
    chance: float
    kept: bool


def climbed(profile: Profile, basis: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Best values (m,), their covariance (m, m) and the gain in log-likelihood, over functions (m, K) at radii (K,)."""
    values = np.zeros(len(basis))
    scale = np.sqrt(np.maximum((basis**2).mean(axis=1), 1e-300))
    unit = basis / scale[:, None]
    for span in SPANS:
        inside = radius <= span * radius.max()
        values = _ascended(profile, unit, values, inside)
    curve = profile.curvature(values @ unit)
    precision = (unit * curve) @ unit.T
    covariance = np.linalg.pinv(precision, hermitian=True)
    gain = float(profile.value(values @ unit).sum() - profile.value(np.zeros(len(radius))).sum())
    return values / scale, covariance / scale / scale[:, None], gain


def _ascended(profile: Profile, unit: np.ndarray, values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Fisher scoring within a part of the band, steps halved until they gain."""
    def height(at: np.ndarray) -> float:
        return float(profile.value(at @ unit)[inside].sum())

    now = height(values)
    for _ in range(STEPS):
        phase = values @ unit
        slope = (unit * np.where(inside, profile.slope(phase), 0)).sum(axis=1)
        precision = (unit * np.where(inside, profile.curvature(phase), 0)) @ unit.T
        step = np.linalg.lstsq(precision, slope, rcond=1e-9)[0]
        if slope @ step < 1e-3:
            break
        for _ in range(20):
            found = height(values + step)
            if found > now:
                break
            step = step / 2
        else:
            break
        values, now = values + step, found
    return values


def fitted(profile: Profile, terms: Sequence[Term], radius: np.ndarray, least: float) -> list[Fitted]:
    """Terms that are significant, found by leaving out the least significant one as long as chance explains it.

    least: probability below which chance does not. The gain of a term is over all that were kept without it.
    """
    kept = list(range(len(terms)))
    found: dict[int, tuple[float, float]] = {}
    while kept:
        whole = _gain(profile, terms, kept, radius)
        for one in kept:
            gain = 2 * (whole - _gain(profile, terms, [other for other in kept if other != one], radius))
            found[one] = gain, float(chi2.sf(gain, len(terms[one].basis)))
        needed = {name for one in kept for name in terms[one].needs}
        free = [one for one in kept if terms[one].name not in needed]
        worst = max(free, key=lambda one: found[one][1] - 1e-12 * found[one][0])
        if found[worst][1] <= least:
            break
        kept.remove(worst)
    values, errors = np.zeros(0), np.zeros(0)
    if kept:
        values, covariance, _ = climbed(profile, _joined(terms, kept), radius)
        errors = np.sqrt(np.diag(covariance))
    result, start = [], 0
    for number, term in enumerate(terms):
        size, here = len(term.basis), number in kept
        part = slice(start, start + size)
        zeros = np.zeros(size)
        result.append(Fitted(term, values[part] if here else zeros, errors[part] if here else zeros,
                             *found[number], here))  # fmt: skip
        start += size if here else 0
    return result


def _joined(terms: Sequence[Term], which: list[int]) -> np.ndarray:
    return np.concatenate([terms[one].basis for one in which])


def _gain(profile: Profile, terms: Sequence[Term], which: list[int], radius: np.ndarray) -> float:
    return climbed(profile, _joined(terms, which), radius)[2] if which else 0.0


def total(found: Sequence[Fitted]) -> np.ndarray:
    """The phase (K,) of all terms that were kept."""
    return np.sum([one.values @ one.term.basis for one in found], axis=0) if found else np.zeros(())
