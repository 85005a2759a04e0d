"""Particles that lie on top of each other: denser than single ones, over more than the width of one.

A large particle among small ones may be as dense, but is no wider than particles are; two that touch are as wide, but
hardly denser. So both are asked for, beside what most of the dense places of the micrograph have.
"""

import numpy as np

from spa.image.peaks import maxima
from spa.image.quantiles import median
from spa.image.regions import holding, regions

_SEEN, _OFF, _FAR = 3.0, 3.5, 6.0  # robust standard deviations: of dense places, of what belongs to one, of a clump
_FEWEST = 8  # dense places that tell what is usual
_TIMES, _AREA = 2.0, 1.4  # denser and larger than a particle
_SHARE = 0.4  # of its densest place, over which a clump is so large: a particle is smaller there, however dense


def clumps(density: np.ndarray, radius: float) -> np.ndarray:
    """Where they are: a mask of density (ny, nx), in deviations of the bulk, averaged over particles of a radius
    (pixels); 0 where there is junk already."""
    tops = maxima(density, _SEEN, radius)
    heights = density[tops[:, 0], tops[:, 1]]
    found = np.zeros(density.shape, bool)
    if len(heights) < _FEWEST:
        return found
    usual = median(heights)
    where, _ = regions(density > max(_SEEN, usual))
    for y, x in tops[heights > max(_FAR, _TIMES * usual)]:
        own = where == where[y, x]
        highest = density[own].max()
        if (density[own] > _SHARE * highest).sum() > _AREA * np.pi * radius**2:
            found |= own
    return holding(density > _OFF, found) if found.any() else found
