"""Where noise ends and particles begin, from the scores of all peaks.

Two ways, the stricter wins. The crossing of a two-component Gaussian mixture (Dempster et al., J. R. Stat. Soc. B 39
(1977) 1), where there are two: faint particles lie on the tail of the noise, and half of them below what is fitted to
both. And decoys, peaks of the inverted shape that won their place from its own (`matched.contest`): noise lets
both win equally often, so they tell how many of the peaks of a score are noise (target-decoy competition, Elias & Gygi,
Nat. Methods 4 (2007) 207).
"""

from dataclasses import dataclass

import numpy as np

from spa.image.quantiles import median, quantiles

_STARTS = (75, 90, 97, 99.5)  # percentile at which the upper component starts
_MARGIN, _OF_ALL = 3 / 4, 1 / 2  # share of noise among the peaks at the threshold, and among all that are kept
APART = 2.0  # Ashman's D (Astron. J. 108 (1994) 2348): below, the scores are taken to be of one kind
FEWEST, _MOST = 20, 1000  # scores that a mixture is fitted to


def threshold(peaks: np.ndarray, targets: np.ndarray, decoys: np.ndarray) -> float:
    """The least score to keep; infinity when nothing stands out. Scores of all peaks, and of the contest's winners.

    Half of what decoys leave is noise at most, so that a mixture that leaves less than half of it has found something
    else than particles: the few brightest of them, or lumps of dirt.
    """
    limit = decoy_limit(targets, decoys)
    if len(peaks) < FEWEST or not np.isfinite(limit):
        return limit
    found = mixture(peaks)
    if found.apart < APART or (peaks >= found.crossing).sum() < (1 - _OF_ALL) * (peaks >= limit).sum():
        return limit
    return max(limit, found.crossing)


def decoy_limit(targets: np.ndarray, decoys: np.ndarray) -> float:
    """The score, between two, at which three quarters of the targets are noise; infinity for none.

    Noise is the decoys times the ratio that targets have to them below the decoys' median, where particles are few (as
    Storey, J. R. Stat. Soc. B 64 (2002) 479, finds the share of true nulls): particles leave less room for noise of
    their own sign. Its share falls with the score (isotonic regression; Barlow et al., Statistical Inference under
    Order Restrictions, 1972). Of all that is kept, half is noise at most, and one peak more (Barber & Candes, Ann. Stat
    43 (2015) 2055), so that a few lucky peaks of noise alone do not pass.
    """
    scores = np.concatenate([targets, decoys]).astype(np.float64)
    decoy = np.repeat([0.0, 1.0], [len(targets), len(decoys)])
    order = np.lexsort((-decoy, -scores))  # the best first; of equal ones, decoys
    scores, decoy = scores[order], decoy[order]
    middle = median(decoys) if len(decoys) else 0.0
    ratio = min(float((targets < middle).sum() + 1) / float((decoys < middle).sum() + 1), 1.0)
    lost = np.cumsum(decoy)
    kept = np.arange(1, len(scores) + 1) - lost
    share = _rising(decoy)  # of decoys among both
    fine = np.flatnonzero((ratio * share <= _MARGIN * (1 - share)) & (ratio * lost + 1 <= _OF_ALL * kept))
    if not fine.size:
        return np.inf
    return float(scores[fine[-1]] + (scores[fine[-1] + 1] if fine[-1] + 1 < len(scores) else 0.0)) / 2


def _rising(values: np.ndarray) -> np.ndarray:
    """The rising sequence nearest to values (n,), by pooling adjacent violators."""
    sums: list[float] = []
    counts: list[int] = []
    for value in values.tolist():
        sums.append(value)
        counts.append(1)
        while len(sums) > 1 and sums[-2] * counts[-1] >= sums[-1] * counts[-2]:
            upper, count = sums.pop(), counts.pop()
            sums[-1] += upper
            counts[-1] += count
    return np.repeat(np.array(sums) / np.array(counts), counts)


@dataclass(frozen=True)
class Mixture:
    """Two Gaussian components, the lower first: means, sds and weights (2,)."""

    means: np.ndarray
    sds: np.ndarray
    weights: np.ndarray

    @property
    def apart(self) -> float:
        """Ashman's D: the distance of the means over the root mean square of the sds."""
        return float(np.sqrt(2) * (self.means[1] - self.means[0]) / np.hypot(*self.sds))

    @property
    def crossing(self) -> float:
        """Where the upper component becomes the likelier one."""
        between = np.linspace(self.means[0], max(self.means[1], self.means[0] + 1e-9), 2001)
        upper = np.diff(_densities(between, self.means, self.sds, self.weights), axis=0)[0] > 0
        return float(between[np.argmax(upper)]) if upper.any() else float(self.means[1])


def mixture(scores: np.ndarray) -> Mixture:
    """The likeliest mixture from several starts."""
    scores = np.sort(np.asarray(scores, np.float64))
    if len(scores) > _MOST:  # evenly over the sorted scores: the same mixture
        scores = scores[np.linspace(0, len(scores) - 1, _MOST).round().astype(int)]
    return Mixture(*max((_fitted(scores, start) for start in _STARTS), key=lambda fit: _likelihood(scores, *fit)))


def _densities(scores: np.ndarray, means: np.ndarray, sds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of both components (2, n), not normalised."""
    found = (scores - means[:, None]) / sds[:, None]
    found *= found
    found *= -0.5
    np.exp(found, out=found)
    found *= (weights / sds)[:, None]
    return found


def _likelihood(scores: np.ndarray, means: np.ndarray, sds: np.ndarray, weights: np.ndarray) -> float:
    return float(np.log(_densities(scores, means, sds, weights).sum(axis=0) + 1e-300).sum())


def _fitted(scores: np.ndarray, start: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cut = quantiles(scores, (start / 100,))[0]
    groups = scores[scores <= cut], scores[scores >= cut]
    least = 0.05 * scores.std() + 1e-9
    means = np.array([group.mean() for group in groups])
    sds = np.array([max(group.std(), least) for group in groups])
    weights = np.array([len(group) for group in groups]) / len(scores)
    for _ in range(200):
        share = _densities(scores, means, sds, weights) + 1e-300
        share /= share.sum(axis=0)
        count = share.sum(axis=1)
        before, means = means, share @ scores / count
        sds = np.maximum(np.sqrt((share * (scores - means[:, None]) ** 2).sum(axis=1) / count), least)
        weights = count / len(scores)
        if np.abs(means - before).max() < 1e-4:
            break
    order = np.argsort(means)
    return means[order], sds[order], weights[order]
