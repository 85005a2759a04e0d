"""Zernike polynomials in RELION's order and scale.

Not normalised, and not of a unit disc: x and y are frequencies in 1/angstrom as they are. Odd terms count n = 1, 3 …
and within each m = -n, 2-n … n; even ones n = 0, 2, 4 …; m < 0 is the sine.
Source: Zivanov, Nakane & Scheres, IUCrJ 7 (2020) 253.
"""

from math import factorial, isqrt

import numpy as np

ODD, EVEN = "odd", "even"


def order(kind: str, index: int) -> tuple[int, int]:
    """(m, n) of the term with an index from 0 among the odd or the even ones."""
    if kind == EVEN:
        half = isqrt(index)
        return 2 * (index - half * half - half), 2 * half
    half = (isqrt(1 + 4 * index) - 1) // 2
    return 2 * (index - half * half - half) - (2 * half + 1), 2 * half + 1


def count(kind: str, most: int) -> int:
    """How many terms of a kind have n up to `most`."""
    half = most // 2 if kind == EVEN else (most - 1) // 2
    return (half + 1) ** 2 if kind == EVEN else (half + 1) * (half + 2)


def term(kind: str, index: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One polynomial at x, y (1/angstrom), of their shape; float64."""
    signed, n = order(kind, index)
    m = abs(signed)
    turned = (np.asarray(x, float) + 1j * np.asarray(y, float)) ** m
    squared = np.asarray(x, float) ** 2 + np.asarray(y, float) ** 2
    radial = sum(
        (-1) ** k * factorial(n - k) // (factorial(k) * factorial((n + m) // 2 - k) * factorial((n - m) // 2 - k))
        * squared ** ((n - m) // 2 - k)
        for k in range((n - m) // 2 + 1)
    )  # fmt: skip
    return radial * (turned.imag if signed < 0 else turned.real)


def series(kind: str, coefficients: tuple[float, ...], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The sum of terms with these coefficients (radians) at x, y."""
    total = np.zeros(np.broadcast(x, y).shape)
    for index, value in enumerate(coefficients):
        if value:
            total = total + value * term(kind, index, x, y)
    return total
