"""Half maps as references: what the solvent holds is taken away before they are compared with images.

From the resolution at which the particle's outline can be trusted the mask follows it, each half's from its own map
(Punjani et al., Nat. Methods 14 (2017) 290, call it dynamic); the FSC keeps the mask that was given.

References are masked closely: what solvent they keep is noise, and costs poses. But a mask that cuts through what both
halves still have of one start gives them detail in common that no image has, and images of noise alone then agree
beyond the start: the coarser the maps, the more room.
"""

import numpy as np

from spa.refine.problem import Problem
from spa.volume.masks import grown, without_dust
from spa.volume.shells import lowpass

FROM = 25.0  # angstroms: the resolution of the half maps from which the mask follows the particle
OUTLINE, COARSER = 12.0, 1.5  # angstroms: the outline's own resolution; coarser than the maps' by this
SIGMAS, FAINT = 4.0, 0.1  # of the noise, and of the peak: what lies below either is no particle
DUST = 0.01  # of the largest piece: smaller ones are noise
EDGE = 1 / 3  # of the outline's resolution: the soft edge of references; the outline itself lies so far outside already
ROOM, EDGE_OF_ROOM = 15.0, 8.0  # angstroms around it in the map that is kept: what is weak beside the rest is not lost


def flattened(problem: Problem, volume: np.ndarray, resolution: float) -> np.ndarray:
    """The map that is kept, of a resolution (angstroms): its solvent goes, with more room around the particle."""
    return volume * _within(problem, volume, resolution, ROOM, EDGE_OF_ROOM)


def within(problem: Problem, volume: np.ndarray, resolution: float, threads: int = 1) -> np.ndarray:
    """Where a half map (box, box, box) of a resolution (angstroms) has the particle: a mask inside the solvent mask."""
    return _within(problem, volume, resolution, 0.0, EDGE * _outline(resolution), threads)


def _outline(resolution: float) -> float:
    """The resolution (angstroms) of the outline of maps of a resolution."""
    return max(OUTLINE, COARSER * resolution)


def _within(
    problem: Problem, volume: np.ndarray, resolution: float, extend: float, edge: float, threads: int = 1
) -> np.ndarray:
    """extend, edge: angstroms around the outline."""
    if not problem.dynamic or resolution > FROM:
        return problem.solvent
    pixel, outline = problem.images.pixel_size, _outline(resolution)
    smooth = lowpass(volume, pixel, outline, threads=threads)
    some = (slice(None, None, max(1, int(outline / 4 / pixel))),) * 3  # it is as smooth as that
    outside = smooth[some][problem.solvent[some] < 0.01]
    noise = outside.std() if outside.size else 0.0
    inside = (smooth > max(SIGMAS * noise, FAINT * np.quantile(smooth[some], 0.9995))) & (problem.solvent > 0)
    if not inside.any():  # nothing stands out: there is no outline to follow
        return problem.solvent
    extend += max(0.0, resolution - OUTLINE)  # of coarse maps
    return grown(without_dust(inside, DUST), extend / pixel, edge / pixel) * problem.solvent


def noise_share(problem: Problem, inside: np.ndarray) -> float:
    """Of the noise in the solvent mask, the part that is inside a narrower one: both halves' signal is all there."""
    return float((inside**2).sum() / (problem.solvent**2).sum())
