"""Whether two half maps agree by more than noise does, whatever a mask would make of them.

A mask that is drawn around what stands out of the mean of two half maps stands where their noise agrees, and under it
noise correlates; random phases do not tell, as no mask is drawn around theirs. So the whole maps are asked, and
spheres.
"""

import numpy as np

from spa.image import fft
from spa.volume.fsc import Map, fsc_spectra
from spa.volume.masks import soft_sphere
from spa.volume.shells import shell_counts, shell_products

SURE = 5.0  # standard errors
SPHERES, EDGE = (0.85, 0.5), 0.1  # of the inscribed sphere
LEAKED = 1e-3  # of the strongest shell's noise: what has less beyond may come from there, by the edge of a sphere


def agreement(half1: np.ndarray, half2: np.ndarray, run: Map = map) -> float:
    """By how many standard errors half maps (n, n, n) agree in their low shells, as many as tell most.

    Of the whole maps or, where those are too noisy, within spheres, which no map has drawn.
    """
    found = _agreement(half1, half2, run)
    for part in SPHERES:
        if found < SURE:
            n = len(half1)
            sphere = soft_sphere(n, part * n / 2, EDGE * n / 2)
            found = max(found, _agreement(half1 * sphere, half2 * sphere, run))
    return found


def _agreement(half1: np.ndarray, half2: np.ndarray, run: Map) -> float:
    """Coefficients of noise that does not fill the box are not free; how far it does shows in its fourth moment."""
    spectra = list(run(fft.rfft3, (half1, half2)))
    counts = shell_counts(len(half1))[1:]
    apart = spectra[0] - spectra[1]
    noise = shell_products(apart, apart)[1:] / counts
    faint = np.flatnonzero((noise < LEAKED * noise.max()) & (np.arange(len(noise)) > noise.argmax()))
    end = int(faint[0]) if len(faint) else len(noise)
    second, fourth = np.mean([_moments(one - other) for one, other in zip(half1, half2)], axis=0)
    filled = min(1.0, 3 * second**2 / max(fourth, 1e-300))
    free = filled * counts[:end] / 2
    curve = fsc_spectra(*spectra, run=run)[1 : end + 1]
    return float((np.cumsum(free * curve) / np.sqrt(np.maximum(np.cumsum(free), 1e-30))).max())


def _moments(plane: np.ndarray) -> tuple[float, float]:
    """Mean second and fourth power."""
    square = plane.astype(np.float64) ** 2
    return float(square.mean()), float((square**2).mean())
