"""One frame for both half maps: nothing ties them to each other but the start that they share.

A particle that is nearly symmetric has as many right ways round as copies, and each half breaks the symmetry of the
start for itself: both maps are right then, but turned against each other, so that their FSC falls and their joint map
is of neither. A half that lies better on the other when it is turned is turned as a whole, with the poses of its
images; three angles and three shifts say nothing of what is in the maps.
"""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from spa.refine.problem import Problem
from spa.refine.states import State
from spa.search import orientations
from spa.symmetry import align
from spa.volume.fsc import Map
from spa.volume.shells import apply_radial, power
from spa.volume.slices import reference, regridded

GAIN = 30.0  # nats: of noise, the best of all turns gains a third of it
BANDS = (8, 12)  # shells that all turns are tried in, for a particle that takes 0.7 of the box


def information(problem: Problem, curve: np.ndarray) -> float:
    """Nats by which half maps of an FSC (shells from 0) are likelier of one signal than of none: the mutual information
    of Gaussians, over as many coefficients as the solvent mask and the point group leave independent."""
    shells = np.arange(len(curve))
    coefficients = 4 * np.pi * shells**2 * (problem.solvent**2).mean() / len(problem.settings.operators)
    return float(-0.5 * (coefficients * np.log1p(-np.clip(curve, 0, 0.999) ** 2))[1:].sum())


def kept(problem: Problem, curve: np.ndarray) -> float:
    """The information in the shells of the start, in which half maps agree from the first."""
    return information(problem, curve[: problem.images.shell_of(problem.settings.lowpass) + 1])


def in_question(state: State, found: State, information: float) -> bool:
    """Whether half maps may have come to lie apart: they agree less than they did, or all poses are about to be fixed.

    found: the state after its maximisation, with this information in the shells of the start.
    """
    fixed = state.moved >= np.pi if state.local else found.done
    return fixed or information < found.agreed - GAIN


def turns(group: np.ndarray, step: float) -> np.ndarray:
    """(m, 3, 3) turns that leave the axes of a point group (g, 3, 3) where they are; where they are endless, at most a
    step (radians) apart."""
    if len(group) == 1:
        return orientations.grid(step, group, np.random.Generator(np.random.Philox(1))).astype(np.float64)
    halfway = Rotation.from_matrix(group) ** 0.5
    if np.linalg.matrix_rank(group.mean(axis=0), tol=1e-6):  # one axis, and both ways along it
        count = 2 * len(group) * int(np.ceil(np.pi / step / len(group)))
        halfway = Rotation.from_rotvec(np.array([[0, 0, 2 * np.pi / count], [np.pi, 0, 0]]))
    found, steps = [np.eye(3)], _keeping(halfway.as_matrix(), group)
    for one in found:  # grows while we walk it
        for turn in steps:
            if min(np.abs(one @ turn - other).max() for other in found) > 1e-6:
                found.append(one @ turn)
    return np.array(found)


def _keeping(turns: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Of turns (m, 3, 3) those that make the group of itself."""
    made = np.einsum("mij,gjk,mlk->mgil", turns, group, turns)
    return turns[np.abs(made[:, :, None] - group).max(axis=(3, 4)).min(axis=2).max(axis=1) < 1e-6]


def between(problem: Problem, halves: np.ndarray, radius: int, run: Map = map) -> align.Fit | None:
    """How the second of two unfiltered half maps (2, box, box, box) must be turned and moved to lie on the first, by
    their shells up to a radius; None where it lies there."""
    group, box = problem.settings.operators, halves.shape[-1]
    small = min(box, 2 * (radius + 4))
    a, b = run(lambda one: reference(_level(regridded(one * problem.solvent, small), radius), radius), halves)
    free = group.mean(axis=0)  # projects on what all elements leave

    def shared(fit: align.Fit) -> float:
        return information(problem, align.shell_correlation(a, b, fit, radius))

    fits = []
    for band in sorted({min(radius, round(band * 0.7 / problem.extent)) for band in BANDS}):
        fit = align.fit(a, b, band, mirror=False, turns=turns(group, min(3 / band, 0.45)), free=free, run=run)
        fits.append(align.fit(a, b, radius, mirror=False, turns=fit.turn[None], free=free, shift=fit.shift, run=run))
    at_rest, *gained = run(shared, [align.Fit(np.eye(3), False, 0.0), *fits])
    best = int(np.argmax(gained))
    found = replace(fits[best], shift=fits[best].shift * (box / small))
    return found if gained[best] > at_rest + GAIN else None


def _level(volume: np.ndarray, radius: int) -> np.ndarray:
    """The map with as much power in each shell from 1 to a radius: all that half maps may share."""
    strength = np.maximum(power(volume)[: radius + 1], 1e-30)
    strength[0] = np.inf
    return apply_radial(volume, strength**-0.5)


def shared(problem: Problem, state: State, halves: np.ndarray, run: Map = map) -> State | None:
    """The state with the poses of the second half's images in the first's frame, as unfiltered half maps
    (2, box, box, box) made with its poses ask for it; None where both halves have one."""
    found = between(problem, halves, state.radius, run)
    if found is None:
        return None
    rows, poses = np.flatnonzero(problem.images.half == 1), state.poses[0]
    matrices, shifts = poses.poses.copy(), poses.shifts.copy()
    matrices[rows] = matrices[rows] @ found.turn.T
    shifts[rows] -= matrices[rows, :, :2] @ found.shift
    return replace(state, poses=[replace(poses, poses=matrices, shifts=shifts)])
