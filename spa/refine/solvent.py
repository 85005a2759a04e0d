"""Half maps as references: what the solvent holds is taken away before they are compared with images.

From the resolution at which the particle's outline can be trusted the mask follows it, each half's from its own map
(Punjani et al., Nat. Methods 14 (2017) 290, call it dynamic); the FSC keeps the mask that was given.
"""

import numpy as np

from spa.refine.problem import Problem
from spa.volume.masks import grown, without_dust
from spa.volume.shells import lowpass

FROM = 25.0  # angstroms: the resolution of the half maps from which the mask follows the particle
OUTLINE, COARSER = 12.0, 1.5  # angstroms: the outline's own resolution; coarser than the maps' by this
SIGMAS, FAINT = 4.0, 0.1  # of the noise, and of the peak: what lies below either is no particle
DUST = 0.01  # of the largest piece: smaller ones are noise
EXTEND, EDGE = 6.0, 8.0  # angstroms around what is inside, for references
ROOM = 15.0  # angstroms around it in the map that is kept: what is weak beside the rest is not lost


def flattened(problem: Problem, volume: np.ndarray, resolution: float) -> np.ndarray:
    """The map that is kept, of a resolution (angstroms): its solvent goes, with more room around the particle."""
    return volume * within(problem, volume, resolution, ROOM)


def within(
    problem: Problem, volume: np.ndarray, resolution: float, extend: float = EXTEND, threads: int = 1
) -> np.ndarray:
    """Where a half map (box, box, box) of a resolution (angstroms) has the particle: a mask inside the solvent mask."""
    if not problem.dynamic or resolution > FROM:
        return problem.solvent
    pixel = problem.images.pixel_size
    outline = max(OUTLINE, COARSER * resolution)
    smooth = lowpass(volume, pixel, outline, threads=threads)
    some = (slice(None, None, max(1, int(outline / 4 / pixel))),) * 3  # it is as smooth as that
    outside = smooth[some][problem.solvent[some] < 0.01]
    noise = outside.std() if outside.size else 0.0
    inside = (smooth > max(SIGMAS * noise, FAINT * np.quantile(smooth[some], 0.9995))) & (problem.solvent > 0)
    if not inside.any():  # nothing stands out: there is no outline to follow
        return problem.solvent
    return grown(without_dust(inside, DUST), (extend + (outline - OUTLINE) / 4) / pixel, EDGE / pixel) * problem.solvent


def noise_share(problem: Problem, inside: np.ndarray) -> float:
    """Of the noise in the solvent mask, the part that is inside a narrower one: both halves' signal is all there."""
    return float((inside**2).sum() / (problem.solvent**2).sum())
