"""Pixels that no image has: NaN, infinities, absurd numbers, one value everywhere."""

import numpy as np

from spa.errors import DataError

LARGEST = 1e10  # no image has such pixels; beyond, the powers of their sums overflow float32


def require_finite(array: np.ndarray, name: str) -> None:
    """DataError where there is a NaN, an infinity, or a number so large (``LARGEST``) that no image has it."""
    if array.dtype.kind not in "fc":
        return
    most = peak(array) if array.dtype.kind == "f" else abs(np.sum(array, dtype=np.complex128))
    bad = 0 if np.isfinite(most) else array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise DataError(f"{name}: {bad} of {array.size} pixels are not finite (NaN or infinity)")
    if array.dtype.kind == "f" and most > LARGEST:
        raise DataError(f"{name}: pixels as large as {most:.1g}; no image has such")


def peak(array: np.ndarray) -> float:
    """The largest absolute value; NaN where there is one."""
    return float(max(array.max(initial=0), -array.min(initial=0)))


def require_contrast(array: np.ndarray, name: str) -> None:
    """DataError where all pixels have one value."""
    if array.size and array.min() == array.max():
        raise DataError(f"{name}: no contrast: all its pixels are {array.flat[0]:g}")
