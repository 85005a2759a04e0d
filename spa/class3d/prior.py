"""How strong differences between classes may be: the regularisation of class maps.

Differences are taken to have the consensus' spectrum, weaker by a factor: a Wiener solution with one unknown number,
which noise cannot bend shell by shell.  Power is per volume of the mask a map lives in, so that a small mask keeps its
signal (the solution is found in the whole box, where the noise of a small mask is spread thin).
"""

from dataclasses import dataclass

import numpy as np

from spa.volume import insert as into
from spa.volume.shells import power
from spa.volume.slices import PADDING


@dataclass(frozen=True, eq=False)
class Prior:
    """density (radius + 2,): expected power of differences' coefficients per share of the box that they fill.

    region (n, n, n): the soft mask of where classes may differ.
    """

    density: np.ndarray
    region: np.ndarray

    def weights(self, sums: into.Accumulator) -> np.ndarray:
        """Added weight of each shell 0 … radius + 1."""
        least = 1e-9 / max(float(sums.shell_weight().max()), 1e-30)
        out = 1 / np.maximum(PADDING**3 * self.density[: sums.radius + 2], least)
        out[0] = out[1]
        return out

    def solved(self, sums: into.Accumulator) -> np.ndarray:
        """The difference (n, n, n) within the region."""
        return into.solve(sums, self.weights(sums)) * self.region


def prior(consensus: np.ndarray, mask: np.ndarray, region: np.ndarray, tau: float) -> Prior:
    """Differences of tau times the power of a consensus (n, n, n) in its mask, within a region (both (n, n, n))."""
    n = len(consensus)
    density = tau * power(consensus * mask) / n**2 / float((mask**2).mean())
    return Prior(np.append(density, density[-1]), region)
