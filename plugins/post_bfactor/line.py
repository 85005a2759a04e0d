"""The straight line of Rosenthal & Henderson, J. Mol. Biol. 333 (2003) 721: ln N against 1/d^2 has the slope B / 2."""

from dataclasses import dataclass

import numpy as np

DRAWS = 400  # bootstrap samples
FEWEST = 3  # numbers of particles that a line needs


@dataclass(frozen=True, eq=False)
class Line:
    """1/d^2 = offset + slope ln N, and as many lines of resampled points (k, 2)."""

    offset: float
    slope: float
    drawn: np.ndarray

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
    """The line through points (p,), every number of particles with the same weight; None where there are too few."""
    there = np.unique(counts)
    if len(there) < FEWEST:
        return None
    own = _line(counts, resolutions)
    of = [np.flatnonzero(counts == count) for count in there]
    rest = np.abs(1 / resolutions**2 - own[0] - own[1] * np.log(counts))
    scatter = float(np.sqrt((rest**2).sum() / max(len(counts) - 2, 1)))
    drawn = []
    for _ in range(DRAWS):
        rows = np.concatenate([rng.choice(rows, len(rows)) for rows in of])
        noisy = 1 / resolutions[rows] ** 2
        alone = np.array([len(of[int(np.searchsorted(there, count))]) == 1 for count in counts[rows]])
        noisy = noisy + alone * rng.standard_normal(len(rows)) * scatter  # one draw tells nothing of its scatter
        drawn.append(_line(counts[rows], 1 / np.sqrt(np.maximum(noisy, 1e-9))))
    return Line(own[0], own[1], np.array(drawn))


def _line(counts: np.ndarray, resolutions: np.ndarray) -> tuple[float, float]:
    weight = 1 / np.sqrt(np.array([np.count_nonzero(counts == count) for count in counts]))
    slope, offset = np.polyfit(np.log(counts), 1 / resolutions**2, 1, w=weight)
    return float(offset), float(slope)
