"""The Bessel function of order zero, without scipy, whose import takes longer than many a job."""

import numpy as np

_NEAR = (1.0, -2.2499997, 1.2656208, -0.3163866, 0.0444479, -0.0039444, 0.0002100)  # in (x / 3)^2
_SIZE = (0.79788456, -0.00000077, -0.00552740, -0.00009512, 0.00137237, -0.00072805, 0.00014476)  # in 3 / x
_PHASE = (-0.78539816, -0.04166397, -0.00003954, 0.00262573, -0.00054125, -0.00029333, 0.00013558)  # in 3 / x


def j0(x: np.ndarray) -> np.ndarray:
    """J0, within 1e-7 (Abramowitz & Stegun, Handbook of Mathematical Functions (1964), 9.4.1 and 9.4.3)."""
    x = np.abs(np.asarray(x, np.float64))
    out = np.empty_like(x)
    near = x < 3
    out[near] = _series(np.square(x[near] / 3), _NEAR)
    far = x[~near]
    out[~near] = _series(3 / far, _SIZE) * np.cos(far + _series(3 / far, _PHASE)) / np.sqrt(far)
    return out


def _series(x: np.ndarray, factors: tuple[float, ...]) -> np.ndarray:
    total = np.full_like(x, factors[-1])
    for factor in factors[-2::-1]:
        total *= x
        total += factor
    return total
