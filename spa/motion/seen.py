"""Whether frames tell how they moved, or shifts follow their noise alone.

Shifts found from one half of the Fourier coefficients are tried on the other, whose noise they do not know: where there
is nothing to align, what the shifted frames have in common there is 0 but for chance.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

LEAST = 2.5  # standard deviations: less is chance (1 in 160)
CLEAR = 20.0  # what shifts have that all coefficients made: noise alone gives 5


def seen(
    spectra: np.ndarray, weight: np.ndarray, found: np.ndarray, groups: Callable[[np.ndarray], Any],
    aligned: Callable[[Any], np.ndarray],
) -> bool:  # fmt: skip
    """spectra (g, ny, nx // 2 + 1), whitened, whose shifts are found (g, 2).

    groups: makes what is compared with a weight (`spa.motion.whole.Groups`), aligned: finds its shifts.
    """
    if _agreement(spectra, weight, found, groups) > CLEAR:
        return True
    odd = np.add.outer(*map(np.arange, weight.shape)) % 2 == 1
    halves = weight * odd, weight * ~odd
    tried = [_agreement(spectra, there, aligned(groups(here)), groups) for here, there in (halves, halves[::-1])]
    return sum(tried) / np.sqrt(2) > LEAST


def _agreement(spectra: np.ndarray, weight: np.ndarray, found: np.ndarray, groups: Callable[..., Any]) -> float:
    """The sum of the products of all pairs, moved back, in its standard deviations if all were noise."""
    power = np.square(np.abs(spectra), dtype=np.float64)
    alone = power.sum(0)
    spread = np.sqrt((weight**2 * (alone**2 - np.square(power).sum(0))).sum()) / 2
    return float((groups(weight).power(found) - (weight * alone).sum()) / 2 / max(spread, 1e-30))
