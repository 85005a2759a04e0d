"""Medians and quantiles by sorting, which processors do several times as fast as numpy's partition."""

from collections.abc import Sequence

import numpy as np


def quantiles(values: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """float64: what these shares (0 to 1) of the values, of any shape, lie below; between two it goes linearly."""
    ordered = np.sort(values, axis=None)
    at = np.asarray(shares, np.float64) * (len(ordered) - 1)
    low = at.astype(np.int64)
    lower = ordered[low].astype(np.float64)
    return lower + (at - low) * (ordered[np.minimum(low + 1, len(ordered) - 1)] - lower)


def median(values: np.ndarray) -> float:
    """Of values of any shape."""
    return float(quantiles(values, (0.5,))[0])
