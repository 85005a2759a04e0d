"""A class for images that are no particle: they show a blob, nothing, or anything.

Its map is the mean of the other classes without anything that depends on direction, so that only what is looked for
can draw an image away from it. An image that is likelier with no particle at all is its as well; and so is one that is
likelier as a random pattern, as strong in each shell as particles are or stronger: an edge, ice, an aggregate has far
more power than any particle can explain of it.
"""

import numpy as np
from scipy.special import logsumexp

from spa.refine.expectation import WHOLE
from spa.volume.symmetry import operators

OPERATORS = operators("I")  # it looks the same from everywhere: a few views will do


def blob(maps: np.ndarray) -> np.ndarray:
    """The radial average (n, n, n) of the mean of maps (c, n, n, n)."""
    mean = maps.mean(axis=0)
    n = len(mean)
    line = (np.arange(n) - n // 2).astype(np.float64)
    radius = np.sqrt(line**2 + line[:, None] ** 2 + line[:, None, None] ** 2)
    shell = np.rint(radius).astype(int).ravel()
    curve = np.bincount(shell, mean.ravel()) / np.bincount(shell)
    return np.interp(radius.ravel(), np.arange(len(curve)), curve).reshape(mean.shape).astype(np.float32)


def blobs(maps: np.ndarray) -> np.ndarray:
    """(2, n, n, n) of each half of maps (c, 2, n, n, n)."""
    return np.stack([blob(maps[:, half]) for half in (0, 1)])


def evidence(blob: np.ndarray, pattern: np.ndarray, shift_sigma: float) -> np.ndarray:
    """Log evidence (n,) of a blob, in the scale of `spa.refine.classes.evidence`, of no particle, or of a pattern
    (over that): even odds."""
    nothing = -0.5 * np.log(WHOLE**3 * shift_sigma**-4)
    return logsumexp([blob, np.full_like(blob, nothing), nothing + pattern], axis=0) - np.log(3)
