"""The straight line of Rosenthal & Henderson, J. Mol. Biol. 333 (2003) 721: ln N against 1/d^2 has the slope B / 2."""

from dataclasses import dataclass

import numpy as np

DRAWS = 400  # bootstrap samples
FEWEST = 3  # numbers of particles that a line needs
SURE, LESS = 0.975, 0.75  # of resampled parabolas must be that much less steep at their end


@dataclass(frozen=True, eq=False)
class Line:
    """1/d^2 = offset + slope ln N, and as many lines of resampled points (k, 2).

    bent: points of fewer particles lie on a steeper line, and have no part in this one.
    """

    offset: float
    slope: float
    drawn: np.ndarray
    bent: bool = False

    @property
    def bfactor(self) -> float:
        """Square angstroms; infinite where more particles do not help."""
        return 2 / self.slope if self.slope > 0 else float("inf")

    @property
    def error(self) -> float:
        """Of the B-factor: half the width of its middle 68 %."""
        low, high = np.quantile(2 / np.maximum(self.drawn[:, 1], 1e-9), (0.16, 0.84))
        return float(high - low) / 2

    def resolution(self, count: float) -> float:
        """Angstroms that so many particles give."""
        return float(1 / np.sqrt(max(self.offset + self.slope * np.log(count), 1e-9)))

    def needed(self, resolution: float) -> tuple[float, float, float]:
        """Particles for a resolution (angstroms): the line's, and the 16 % and 84 % quantiles of the resampled ones."""
        lines = np.concatenate([[[self.offset, self.slope]], self.drawn])
        logs = (1 / resolution**2 - lines[:, 0]) / np.maximum(lines[:, 1], 1e-9)
        counts = np.exp(np.minimum(logs, 60))
        low, high = np.quantile(counts[1:], (0.16, 0.84))
        return float(counts[0]), float(low), float(high)


def fitted(counts: np.ndarray, resolutions: np.ndarray, rng: np.random.Generator) -> Line | None:
    """The line through points (p,), every number of particles with the same weight; None where there are too few.

    Where points bend, it goes through the last three numbers alone: what more particles bring is told by the end.
    """
    there = np.unique(counts)
    if len(there) < FEWEST:
        return None
    bent = len(there) > FEWEST and bends(counts, resolutions, rng)
    if bent:
        last = counts >= there[-FEWEST]
        counts, resolutions = counts[last], resolutions[last]
    slope, offset = _polynomial(counts, 1 / resolutions**2, 1)
    return Line(float(offset), float(slope), _resampled(counts, resolutions, rng, 1)[:, ::-1], bent)


def bends(counts: np.ndarray, resolutions: np.ndarray, rng: np.random.Generator) -> bool:
    """Whether the last doublings clearly bring less than those before: at the end nearly all resampled parabolas are
    less steep than over all.
    """
    first, last = np.log(counts.min()), np.log(counts.max())
    curvature, slope, _ = _resampled(counts, resolutions, rng, 2).T
    end, whole = slope + 2 * curvature * last, slope + curvature * (first + last)
    return bool(np.quantile(end - LESS * whole, SURE) < 0)


def _resampled(counts: np.ndarray, resolutions: np.ndarray, rng: np.random.Generator, degree: int) -> np.ndarray:
    """(k, degree + 1) polynomials of points that lie about the best as those that there are; highest power first."""
    best = np.polyval(_polynomial(counts, 1 / resolutions**2, degree), np.log(counts))
    rest = 1 / resolutions**2 - best
    scatter = float(np.sqrt((rest**2).sum() / max(len(counts) - degree - 1, 1)))
    noise = scatter * rng.standard_normal((DRAWS, len(best)))
    return np.array([_polynomial(counts, best + one, degree) for one in noise])


def _polynomial(counts: np.ndarray, squares: np.ndarray, degree: int) -> np.ndarray:
    weight = 1 / np.sqrt(np.array([np.count_nonzero(counts == count) for count in counts]))
    return np.polyfit(np.log(counts), squares, degree, w=weight)
