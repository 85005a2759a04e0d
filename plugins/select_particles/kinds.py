"""Which of many values are of the highest of a few kinds, each of which is spread as a normal curve.

How far particles are from showing all of their map (`spa.refine.whole`) is spread so where they are whole: by noise
alone with a deviation of 1, by differences of contrast a little more. Those that lack something are one kind or two
below them. How many kinds there are is what the likelihood says at what each costs (Schwarz, Ann. Stat. 6 (1978) 461).
"""

from dataclasses import dataclass

import numpy as np

from spa_plugins.select_particles.ordinary import GRID, Ordinary, whole_alone

KINDS = 3
TOPS = (0.5, 0.65, 0.8, 0.9)  # quantiles where the highest kind is looked for
LOWEST = 0.05  # and that where the lowest is
APART = 1.9  # deviations of the highest kind that others lie below it, at least
NARROWEST = 0.95  # deviation of a kind: noise has 1, or a little less where its power is taken too high
FAR, BINS = 8.0, 256  # quartiles' distances from the median: what lies farther counts as there; of the histogram
ROUNDS, STILL = 500, 1e-3  # of a climb, and the log likelihood that ends it


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Of k kinds (k,), the highest first: means, deviations and shares of the values; log: their likelihood's."""

    mean: np.ndarray
    deviation: np.ndarray
    share: np.ndarray
    log: float

    def densities(self, values: np.ndarray) -> np.ndarray:
        """(n, k) of each kind at values (n,)."""
        away = (values[:, None] - self.mean) / self.deviation
        return np.asarray(self.share * np.exp(-0.5 * away**2) / (np.sqrt(2 * np.pi) * self.deviation))

    @property
    def apart(self) -> bool:
        """Whether the highest kind is one, not the upper part of one that is no normal curve."""
        return bool((self.mean[1:] < self.mean[0] - APART * self.deviation[0]).all())

    def cost(self, count: int) -> float:
        return (3 * len(self.mean) - 1) * float(np.log(count)) - 2 * self.log


def highest(values: np.ndarray) -> Ordinary:
    """The whole particles, of finite values (n,) in deviations of one; chances are 1 where there is one kind."""
    middle, spread = np.median(values), max(float(np.ptp(np.quantile(values, [0.25, 0.75]))), 1.0)
    count, edges = np.histogram(np.clip(values, middle - FAR * spread, middle + FAR * spread), BINS)
    fits = [_fitted((edges[1:] + edges[:-1]) / 2, count.astype(float), kinds) for kinds in range(1, KINDS + 1)]
    best = min((one for one in fits if one.apart), key=lambda one: one.cost(len(values)))
    mean, deviation = float(best.mean[0]), float(best.deviation[0])
    if len(best.mean) == 1:
        return whole_alone(values, mean, deviation)
    at = np.linspace(values.min() - deviation, values.max() + deviation, GRID)
    each = best.densities(at)
    chances = np.maximum.accumulate(each[:, 0] / np.maximum(each.sum(axis=1), 1e-300) * (at > best.mean[1:].max()))
    chances[at >= mean] = 1.0
    return Ordinary(mean, deviation, float(best.share[0]), np.interp(values, at, chances), at, chances)


def _fitted(at: np.ndarray, count: np.ndarray, kinds: int) -> _Mixture:
    """The likeliest mixture of a histogram (bins,), by expectation and maximisation from some places."""
    below = np.cumsum(count) / count.sum()
    spread = np.full(kinds, np.sqrt(np.average((at - np.average(at, weights=count)) ** 2, weights=count)) / kinds)
    starts = []
    for top in TOPS[: None if kinds > 1 else 1]:
        places = np.searchsorted(below, [top, *np.linspace(top / 3, LOWEST, kinds - 1)])
        starts.append(_Mixture(at[places], spread, np.full(kinds, 1 / kinds), -np.inf))
    return max((_climbed(at, count, start) for start in starts), key=lambda one: one.log)


def _climbed(at: np.ndarray, count: np.ndarray, now: _Mixture) -> _Mixture:
    for _ in range(ROUNDS):
        each = now.densities(at)
        total = each.sum(axis=1) + 1e-300
        part = each * (count / total)[:, None]
        held = part.sum(axis=0) + 1e-9
        mean = at @ part / held
        square = (part * (at[:, None] - mean) ** 2).sum(axis=0) / held
        before, log = now.log, float(count @ np.log(total))
        now = _Mixture(mean, np.sqrt(np.maximum(square, NARROWEST**2)), held / count.sum(), log)
        if log - before < STILL:
            break
    order = np.argsort(-now.mean)
    return _Mixture(now.mean[order], now.deviation[order], now.share[order], now.log)
