"""Where noise ends and particles begin, from the scores of all peaks.

Two ways, the stricter wins: the crossing of a two-component Gaussian mixture (Dempster et al., J. R. Stat. Soc. B 39
(1977) 1), and the score above which peaks outnumber decoys (peaks of the inverted shape) two to one (the target-decoy
rule, Elias & Gygi, Nat. Methods 4 (2007) 207).
"""

from dataclasses import dataclass

import numpy as np

_STARTS = (75, 90, 97, 99.5)  # percentile at which the upper component starts
_DECOYS = 0.5
_MOST = 1000  # scores that a mixture is fitted to


def threshold(targets: np.ndarray, decoys: np.ndarray) -> float:
    """The least score to keep; infinity when nothing stands out."""
    if len(targets) < 20:
        return decoy_limit(targets, decoys)
    return max(mixture(targets).crossing, decoy_limit(targets, decoys))


def decoy_limit(targets: np.ndarray, decoys: np.ndarray, ratio: float = _DECOYS) -> float:
    """The score above which decoys are at most ``ratio`` of the targets, between two targets; infinity for none."""
    scores = np.sort(np.asarray(targets, np.float64))[::-1]
    above = len(decoys) - np.searchsorted(np.sort(decoys), scores, side="left")
    fine = np.flatnonzero(above <= ratio * np.arange(1, len(scores) + 1))
    if not fine.size:
        return np.inf
    below = scores[fine[-1] + 1] if fine[-1] + 1 < len(scores) else 0.0
    return float(scores[fine[-1]] + below) / 2


@dataclass(frozen=True)
class Mixture:
    """Two Gaussian components, the lower first: means, sds and weights (2,)."""

    means: np.ndarray
    sds: np.ndarray
    weights: np.ndarray

    @property
    def crossing(self) -> float:
        """Where the upper component becomes the likelier one."""
        between = np.linspace(self.means[0], max(self.means[1], self.means[0] + 1e-9), 2001)
        upper = np.diff(_densities(between, self.means, self.sds, self.weights), axis=1)[:, 0] > 0
        return float(between[np.argmax(upper)]) if upper.any() else float(self.means[1])


def mixture(scores: np.ndarray) -> Mixture:
    """The likeliest mixture from several starts."""
    scores = np.sort(np.asarray(scores, np.float64))
    if len(scores) > _MOST:  # evenly over the sorted scores: the same mixture
        scores = scores[np.linspace(0, len(scores) - 1, _MOST).round().astype(int)]
    return Mixture(*max((_fitted(scores, start) for start in _STARTS), key=lambda fit: _likelihood(scores, *fit)))


def _densities(scores: np.ndarray, means: np.ndarray, sds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights * np.exp(-0.5 * ((scores[:, None] - means) / sds) ** 2) / sds


def _likelihood(scores: np.ndarray, means: np.ndarray, sds: np.ndarray, weights: np.ndarray) -> float:
    return float(np.log(_densities(scores, means, sds, weights).sum(axis=1) + 1e-300).sum())


def _fitted(scores: np.ndarray, start: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cut = np.percentile(scores, start)
    groups = scores[scores <= cut], scores[scores >= cut]
    least = 0.05 * scores.std() + 1e-9
    means = np.array([group.mean() for group in groups])
    sds = np.array([max(group.std(), least) for group in groups])
    weights = np.array([len(group) for group in groups]) / len(scores)
    for _ in range(200):
        share = _densities(scores, means, sds, weights) + 1e-300
        share /= share.sum(axis=1, keepdims=True)
        count = share.sum(axis=0)
        before, means = means, share.T @ scores / count
        sds = np.maximum(np.sqrt((share * (scores[:, None] - means) ** 2).sum(axis=0) / count), least)
        weights = count / len(scores)
        if np.abs(means - before).max() < 1e-4:
            break
    order = np.argsort(means)
    return means[order], sds[order], weights[order]
