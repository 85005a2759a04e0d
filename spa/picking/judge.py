"""Limits on score, local power and density that part particles from noise and from dirt."""

from dataclasses import dataclass, replace

import numpy as np

from spa.picking.threshold import APART, mixture

_LEAST = 0.04  # share of the smaller component, below which it is a tail
_SPREAD = 4.5  # robust standard deviations of log power; at the usual 3.5 whole crowds of particles go
_DENSE = 10.0  # robust standard deviations of density, of those above the median: a core of iron has up to 9
_FEWEST = 20


@dataclass(frozen=True)
class Limits:
    """What a pick must keep to; None where there is no limit."""

    min_score: float | None = None
    min_power: float | None = None
    max_power: float | None = None
    max_level: float | None = None

    def kept(
        self, score: np.ndarray | None, power: np.ndarray | None, level: np.ndarray | None = None
    ) -> np.ndarray:
        """Mask of the picks within the limits; a value that is not a number is not."""
        given = next((one for one in (score, power, level) if one is not None), None)
        mask = np.ones(0 if given is None else len(given), bool)
        if self.min_score is not None and score is not None:
            mask &= score >= self.min_score
        if self.min_power is not None and power is not None:
            mask &= power >= self.min_power
        if self.max_power is not None and power is not None:
            mask &= power <= self.max_power
        if self.max_level is not None and level is not None:
            mask &= level <= self.max_level
        return mask


def automatic(
    score: np.ndarray | None, power: np.ndarray | None, given: Limits, level: np.ndarray | None = None
) -> Limits:
    """Limits from the picks themselves, for those that are not given.

    Score: where the upper of two Gaussian components takes over, if there are two. Power: what lies within the usual
    spread of its logarithm, by median and median absolute deviation over the picks of sufficient score. Density: what
    is no denser than particles are, by the median and what lies above it.
    """
    limits = given
    if score is not None and limits.min_score is None and len(score) >= _FEWEST:
        limits = replace(limits, min_score=_parting(score[np.isfinite(score)]))
    if level is not None and given.max_level is None:
        limits = replace(limits, max_level=_densest(level[limits.kept(score, None, level) & np.isfinite(level)]))
    if power is None:
        return limits
    usable = np.isfinite(power) & (power > 0)
    if score is not None and limits.min_score is not None:
        usable &= score >= limits.min_score
    if usable.sum() < _FEWEST:
        return limits
    logs = np.log(power[usable])
    middle = np.median(logs)
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), 1e-6)
    low, high = (float(np.exp(middle + sign * _SPREAD * spread)) for sign in (-1, 1))
    return replace(
        limits, min_power=low if given.min_power is None else given.min_power,
        max_power=high if given.max_power is None else given.max_power,
    )  # fmt: skip


def _densest(level: np.ndarray) -> float | None:
    if len(level) < _FEWEST:
        return None
    middle = np.median(level)
    return float(middle + _DENSE * 1.4826 * max(float(np.median(level[level >= middle] - middle)), 1e-6))


def _parting(score: np.ndarray) -> float | None:
    """Where two kinds of scores part; None where they are of one kind."""
    found = mixture(score)
    if found.apart < APART or found.weights.min() < _LEAST:
        return None
    return found.crossing if _has_valley(score, found.means) else None


def _has_valley(score: np.ndarray, means: np.ndarray) -> bool:
    """Whether the histogram between the two means falls clearly below both of its tops."""
    bins = np.linspace(score.min(), score.max() + 1e-9, max(12, min(60, len(score) // 15)))
    count, edges = np.histogram(score, bins)
    smooth = np.convolve(np.pad(count, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    at = np.clip(np.searchsorted(edges, means) - 1, 0, len(smooth) - 1)
    between = smooth[at[0] : at[1] + 1]
    if len(between) < 3:
        return False
    low = between.min()
    tops = smooth[: at[0] + len(between) // 2 + 1].max(), smooth[at[0] + len(between) // 2 :].max()
    return bool(low < 0.7 * min(tops))
