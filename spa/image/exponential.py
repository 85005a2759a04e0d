"""The exponential of float32 in a few multiplications, so that a loop over it becomes one of vectors."""

import numpy as np

from spa.compiled import inner

LEAST = -87.0  # below, what it gives is no smaller
_LOG2, _HIGH, _LOW = np.float32(1.4426950408889634), np.float32(0.693359375), np.float32(-2.12194440e-4)
_HALF, _ONE, _LEAST, _MOST = np.float32(0.5), np.float32(1), np.float32(LEAST), np.float32(88)
_P = tuple(np.float32(p) for p in (1.9875691e-4, 1.3981999e-3, 8.3334519e-3, 4.1665796e-2, 1.6666665e-1, 5.0000001e-1))


@inner
def exponential(x):
    """exp(x) for -87 < x < 88, to 3e-7 of itself; x is taken to lie there.

    By 2^n times a polynomial within half a unit of n; the coefficients are those of Moshier's Cephes (expf).
    """
    x = min(max(x, _LEAST), _MOST)
    n = np.floor(x * _LOG2 + _HALF)
    r = x - n * _HIGH - n * _LOW
    y = _P[0]
    y = y * r + _P[1]
    y = y * r + _P[2]
    y = y * r + _P[3]
    y = y * r + _P[4]
    y = y * r + _P[5]
    y = y * r * r + r + _ONE
    return y * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
