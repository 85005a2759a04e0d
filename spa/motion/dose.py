"""Dose weighting: how much of each frame's signal is left after the dose it has seen, and sums weighted by that.

Source: Grant & Grigorieff, eLife 4 (2015) e06980: ``Ne(k) = 0.24499 k^-1.6649 + 2.8141`` electrons per square angstrom
at 300 kV; the best weight of a frame is ``exp(-N / (2 Ne))``, N the dose up to its end. As there and in RELION the
curve is 0.8 of that at 200 kV and 0.64 at 100 kV, and the weighted sum is divided by the root of the weights' squares,
which keeps the power of the noise.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

A, B, C = 0.24499, -1.6649, 2.8141
EXACT = 4e-4  # what is left out of the weights by writing them as few products


def critical_dose(k: np.ndarray, voltage: float) -> np.ndarray:
    """Ne (e per square angstrom) at frequencies k (1/angstrom): where the signal's power has fallen to 1/e.

    0.8 for each 100 kV below 300, which is 0.8 at 200 kV and 0.64 at 100 kV; infinite at k = 0.
    """
    k = np.asarray(k, np.float64)
    curve = np.full(k.shape, np.inf)
    np.power(k, B, out=curve, where=k > 0)
    return (A * curve + C) * 0.8 ** ((300 - voltage) / 100)


def weights(doses: np.ndarray, k: np.ndarray, voltage: float) -> np.ndarray:
    """(frames, K) exp(-N / (2 Ne)); doses (frames,): what each frame has seen at its end, pre-exposure included."""
    return np.exp(-np.asarray(doses, np.float64)[:, None] / (2 * critical_dose(k, voltage)))


@dataclass(frozen=True, eq=False)
class Factors:
    """Weights as few products: w_f(k) = sum over r of frames[f, r] * curves[r, k], k on the grid ``k`` (1/angstrom)."""

    k: np.ndarray
    frames: np.ndarray
    curves: np.ndarray

    @property
    def rank(self) -> int:
        return self.curves.shape[0]


def factors(doses: np.ndarray, pixel_size: float, voltage: float, normalised: bool = True) -> Factors:
    """The weights of all frames up to the corner of the spectrum, to ``EXACT`` of the largest.

    Weighted sums then need a few transforms, not one a frame. normalised: divided by the root of their squares.
    """
    return _factors(tuple(np.asarray(doses, np.float64).tolist()), pixel_size, voltage, normalised)


@lru_cache(16)  # movies of a session are alike
def _factors(doses: tuple[float, ...], pixel_size: float, voltage: float, normalised: bool) -> Factors:
    k = np.linspace(0, np.sqrt(0.5) / pixel_size, 2048)
    found = weights(np.array(doses), k, voltage)
    left, sizes, right = np.linalg.svd(found, full_matrices=False)
    rank = max(1, int((sizes > EXACT * sizes[0]).sum()))
    curves = left[:, :rank].T @ found
    if normalised:
        curves /= np.sqrt((found**2).sum(0))
    return Factors(k, left[:, :rank].copy(), curves)
