"""Half maps as references: what the solvent holds is taken away before they are compared with images.

From the resolution at which the particle's outline can be trusted the mask follows it, each half's from its own map
(Punjani et al., Nat. Methods 14 (2017) 290, call it dynamic); the FSC keeps the mask that was given.
"""

import numpy as np

from spa.errors import DataError
from spa.refine.problem import Problem
from spa.volume.masks import soft_mask

FROM = 12.0  # angstroms: the resolution of the half maps from which the mask follows the particle
OUTLINE = 12.0  # angstroms: the outline's own resolution
EXTEND, EDGE = 6.0, 8.0  # angstroms around what is inside, for references
ROOM = 15.0  # angstroms around it in the map that is kept: what is weak beside the rest is not lost


def flattened(problem: Problem, volume: np.ndarray, resolution: float) -> np.ndarray:
    """The map that is kept, of a resolution (angstroms): as `masked`, with more room around the particle."""
    return masked(problem, volume, resolution, ROOM)


def masked(problem: Problem, volume: np.ndarray, resolution: float, extend: float = EXTEND) -> np.ndarray:
    """A regularised half map (box, box, box) of a resolution (angstroms), without its solvent."""
    inside = volume * problem.solvent
    if not problem.dynamic or resolution > FROM:
        return inside
    try:
        return inside * soft_mask(inside, problem.images.pixel_size, None, OUTLINE, extend, EDGE)[0]
    except DataError:  # nothing stands out: there is no outline to follow
        return inside
