"""Anisotropic magnification from the sums: how the slice must be stretched to lie where the images have it.

A turn is a turn of the particles, and a scale that all groups share one of the map: only what is left is fitted.
Source: Zivanov, Nakane & Scheres, IUCrJ 7 (2020) 253.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from spa.optics.profiles import Weighted

SHAPES = np.array([[[1.0, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]]])  # scale, stretch along 0 and 45 degrees


@dataclass(frozen=True, eq=False)
class Stretch:
    """values (3,) of SHAPES, their errors, chi-square of the anisotropy (2) and of the scale (1) and what chance says.

    kept: whether anisotropy, scale are.
    """

    values: np.ndarray
    errors: np.ndarray
    gain: tuple[float, float]
    chance: tuple[float, float]
    kept: tuple[bool, bool]

    @property
    def matrix(self) -> np.ndarray:
        """What is kept (2, 2): it multiplies the magnification that there was from the left."""
        used = self.values * [self.kept[1], self.kept[0], self.kept[0]]
        return np.eye(2) + np.einsum("s,sab->ab", used, SHAPES)

    @property
    def anisotropy(self) -> float:
        """Difference between the directions."""
        return float(2 * np.hypot(*self.values[1:]))


def stretched(given: Weighted, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (3,) and their precision (3, 3) in one group without odd aberrations; q (2, K) in cycles a box."""
    sums, weight = given.sums, given.weight
    moves = np.einsum("sab,bk->sak", SHAPES, q)  # (shapes, x y, K)
    pull = np.stack([sums["pull_x"] - sums["own_x"], sums["pull_y"] - sums["own_y"]])
    form = np.stack([[sums["xx"], sums["xy"]], [sums["xy"], sums["yy"]]])
    right = np.einsum("sak,ak,k->s", moves, pull, weight)
    precision = np.einsum("sak,abk,tbk,k->st", moves, form, moves, weight)
    return np.linalg.lstsq(precision, right, rcond=1e-12)[0], precision


def fitted(found: Sequence[tuple[np.ndarray, np.ndarray]], least: float) -> list[Stretch]:
    """Of all groups (values, precision), their common scale taken off; least: as in `fit.fitted`."""
    scales, weights = np.array([v[0] for v, _ in found]), np.array([p[0, 0] for _, p in found])
    common = (scales * weights).sum() / max(weights.sum(), 1e-300)
    result = []
    for values, precision in found:
        values = values - [common, 0, 0]
        covariance = np.linalg.pinv(precision, hermitian=True)
        gain = _gain(values[1:], covariance[1:, 1:]), _gain(values[:1], covariance[:1, :1])
        chance = float(chi2.sf(gain[0], 2)), float(chi2.sf(gain[1], 1)) if len(found) > 1 else 1.0
        kept = chance[0] <= least, chance[1] <= least
        result.append(Stretch(values, np.sqrt(np.diag(covariance)), gain, chance, kept))
    return result


def _gain(values: np.ndarray, covariance: np.ndarray) -> float:
    return float(values @ np.linalg.solve(covariance, values)) if covariance.any() else 0.0
