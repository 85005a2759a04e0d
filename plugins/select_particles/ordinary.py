"""Which of many values are of the kind that most are, where the others lie below them.

Most particles are whole, and their evidence lies about one value as a normal curve. What is broken, or no particle,
shows less, by how much nobody knows: its distribution is what the normal curve leaves over (Efron, J. Am. Stat. Assoc.
99 (2004) 96: the null distribution is taken from the data, and a value's chance to belong to it is its share of the
density there). Only lower values are added, so the curve is fitted about the mode, and further above it than below.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

GRID = 1024  # points of the density
SPARED = 0.015  # of the ordinary values, the most that are given up unless more is asked for; it is known to a third
SURPLUS = 3.0  # standard errors by which the values below a limit are more than the curve has there
BELOW, ABOVE = 0.65, 0.1  # of the peak's density: how far down the curve is fitted, on either side


@dataclass(frozen=True, eq=False)
class Ordinary:
    """The curve of the ordinary values: mode, deviation, and the share of all values that are under it.

    chance (n,): of each value to be one of them, 1 where it lies above the mode; at (GRID,) and the chances there.
    Grouped values have one of these a group.
    """

    mode: float
    deviation: float
    share: float
    chance: np.ndarray
    at: np.ndarray
    chances: np.ndarray

    def curve(self) -> np.ndarray:
        """The density of the ordinary values (GRID,), of area `share`."""
        return self.share * _normal(self.at, self.mode, self.deviation)

    def limit(self, least: float | None = None) -> float:
        """The value above which all have at least such a chance; -inf where all have. None: above which more are
        ordinary than not, or lower, so that no more than SPARED of the ordinary values lie below it."""
        below = np.flatnonzero(self.chances < (0.5 if least is None else least))
        end = float(self.at[below[-1]]) if below.size else -np.inf
        return end if least is not None else min(end, self.mode + float(ndtri(SPARED)) * self.deviation)

    def kept(self, values: np.ndarray, least: float | None = None) -> np.ndarray:
        """(n,) of the values that it was made of, those above the limit."""
        if least is not None:
            return self.chance >= least
        return (self.chance >= 0.5) | (values > self.limit())


def ordinary(values: np.ndarray) -> Ordinary:
    """Of finite values (n,), which are not all the same. Chances are 1 throughout where no more lie below than the
    curve has there, but for chance."""
    width = _bandwidth(values)
    at = np.linspace(values.min() - 3 * width, values.max() + 3 * width, GRID)
    density = _smoothed(values, at, width)
    mode, deviation, share = _central(at, density, width)
    wide = float(np.hypot(deviation, width))  # as the density is smoothed
    chances = np.minimum(1.0, share * _normal(at, mode, wide) / np.maximum(density, 1e-12 / wide))
    chances = np.maximum.accumulate(chances)
    chances[at >= mode] = 1.0
    found = Ordinary(mode, deviation, share, np.interp(values, at, chances), at, chances)
    lower = values < found.limit(0.5)
    if lower.sum() - found.chance[lower].sum() > SURPLUS * np.sqrt(max(1, lower.sum())):
        return found
    return whole_alone(values, mode, deviation)


def whole_alone(values: np.ndarray, mode: float, deviation: float) -> Ordinary:
    """Where all values (n,) are ordinary ones."""
    at = np.linspace(values.min() - deviation, values.max() + deviation, GRID)
    return Ordinary(mode, deviation, 1.0, np.ones(len(values)), at, np.ones(GRID))


def _central(at: np.ndarray, density: np.ndarray, width: float) -> tuple[float, float, float]:
    """Mode, deviation and area of the normal curve that fits a density about its peak, smoothed by a width as that is.

    The parabola that its logarithm is (central matching); further down above the mode than below it.
    """
    peak = int(np.argmax(density))
    low = peak - int(np.argmax(density[peak::-1] < BELOW * density[peak])) or 0
    high = peak + int(np.argmax(density[peak:] < ABOVE * density[peak]))
    there = slice(max(low, 0), max(high, peak + 3))
    x = (at[there] - at[peak]) / width
    curve, slope, height = np.polyfit(x, np.log(np.maximum(density[there], 1e-12 * density[peak])), 2, w=density[there])
    if curve >= 0:  # no peak: all values alike
        return float(at[peak]), width, 1.0
    mode, wide = at[peak] - width * slope / (2 * curve), width / np.sqrt(-2 * curve)
    share = float(np.exp(height - slope**2 / (4 * curve)) * np.sqrt(2 * np.pi) * wide)
    return float(mode), float(np.sqrt(max(wide**2 - width**2, (width / 4) ** 2))), min(1.0, share)


def _bandwidth(values: np.ndarray) -> float:
    """Silverman's, of values whose tails may be long."""
    low, high = np.quantile(values, [0.25, 0.75])
    return float(0.9 * min(values.std(), (high - low) / 1.349 or values.std()) * len(values) ** -0.2)


def _smoothed(values: np.ndarray, at: np.ndarray, width: float) -> np.ndarray:
    """The density of values at even places, each value a normal curve of a width."""
    step = at[1] - at[0]
    counts = np.histogram(values, np.append(at - step / 2, at[-1] + step / 2))[0]
    reach = np.arange(1 - GRID // 2, GRID // 2) * step
    return np.convolve(counts / len(values), _normal(reach, 0.0, width), mode="same")


def _normal(at: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    return np.exp(-0.5 * ((at - mean) / deviation) ** 2) / (np.sqrt(2 * np.pi) * deviation)
