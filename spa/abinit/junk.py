"""A class for images that are no particle: they show a blob, nothing, or anything.

Its map is the mean of the other classes without anything that depends on direction, so that only what is looked for
can draw an image away from it. An image that is likelier with no particle at all is its as well; and so is one that is
likelier as a random pattern, as strong in each shell as particles are or stronger: an edge, ice, an aggregate has far
more power than any particle can explain of it.
"""

import numpy as np
from scipy.special import logsumexp

from spa.image import fft
from spa.refine.expectation import WHOLE
from spa.search.images import Block
from spa.volume.shells import shell_counts, shell_sums
from spa.volume.symmetry import operators

OPERATORS = operators("I")  # it looks the same from everywhere: a few views will do
STRENGTHS = (0.25, 1.0, 4.0, 16.0, 64.0, 256.0)  # of a pattern's power over a particle's


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


def projected_power(maps: np.ndarray) -> np.ndarray:
    """(shells,) mean |P|^2 of projections of maps (c, n, n, n), in the mean of all of them."""
    n = maps.shape[-1]
    spectra = [fft.rfft3(one) for one in maps]
    return np.mean([shell_sums(one.real**2 + one.imag**2) for one in spectra], axis=0) / shell_counts(n) / n**2


def anything(block: Block, power: np.ndarray) -> np.ndarray:
    """(n,) log evidence of random patterns in whitened images, over that of no signal.

    power (shells,) is that of a particle's projections. A pattern's coefficients are Gaussian, of CTF^2 times it times
    one of STRENGTHS, each as likely as the others: log p = |X|^2 s / (1 + s) - log(1 + s) each.
    """
    signal = block.ctf**2 * power[block.band.shell[: block.ctf.shape[1]]].astype(np.float32)
    seen = block.x[:, 0] ** 2 + block.x[:, 1] ** 2
    logs = []
    for strength in STRENGTHS:
        s = np.float32(strength) * signal
        logs.append((seen * (s / (1 + s)) - np.log1p(s)).sum(axis=1, dtype=np.float64))
    return logsumexp(logs, axis=0) - np.log(len(STRENGTHS))


def evidence(blob: np.ndarray, pattern: np.ndarray, shift_sigma: float) -> np.ndarray:
    """Log evidence (n,) of a blob, in the scale of `spa.refine.classes.evidence`, of no particle, or of a pattern
    (over that): even odds."""
    nothing = -0.5 * np.log(WHOLE**3 * shift_sigma**-4)
    return logsumexp([blob, np.full_like(blob, nothing), nothing + pattern], axis=0) - np.log(3)
