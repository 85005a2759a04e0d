"""One frame for both half maps: nothing ties them to each other but the start that they share.

A particle that is nearly symmetric has as many right ways round as copies, and each half breaks the symmetry of the
start for itself: both maps are right then, but turned against each other, so that their FSC falls and their joint map
is of neither. A half that lies better on the other when it is turned is turned as a whole, with the poses of its
images; three angles and three shifts say nothing of what is in the maps.

Nor do projections tell the hand: where the start is too coarse to have one, each half finds its own. A half of the
other hand is turned inside out; and both are then laid on the start, which has a hand in its finer shells.
"""

from dataclasses import replace

import numpy as np

from spa.refine import drift
from spa.refine.problem import Problem
from spa.refine.states import State
from spa.search import orientations
from spa.symmetry import align
from spa.volume.fsc import Map
from spa.volume.inversion import inverted
from spa.volume.rotations import from_rotation_vectors, rotation_vectors
from spa.volume.shells import apply_radial, power
from spa.volume.slices import Reference, reference, regridded

GAIN = 30.0  # nats: of noise, the best of all turns gains a third of it
BANDS = (8, 12)  # shells that all turns are tried in, for a particle that takes 0.7 of the box
HALF_TURN = np.array([[-1.0], [-1.0], [1.0]])  # of an image in its plane: what a map turned inside out shows there


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
    halfway = rotation_vectors(group) / 2
    if np.linalg.matrix_rank(group.mean(axis=0), tol=1e-6):  # one axis, and both ways along it
        count = 2 * len(group) * int(np.ceil(np.pi / step / len(group)))
        halfway = np.array([[0, 0, 2 * np.pi / count], [np.pi, 0, 0]])
    found, steps = [np.eye(3)], _keeping(from_rotation_vectors(halfway), group)
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
    """How the second of two unfiltered half maps (2, box, box, box) must be turned and moved, or turned inside out
    first, to lie on the first, by their shells up to a radius; None where it lies there."""
    small = _side(problem, radius)
    first, second = (regridded(one * problem.solvent, small) for one in halves)
    return _onto(problem, first, second, radius, run)


def from_start(problem: Problem, halves: np.ndarray, radius: int, run: Map = map) -> align.Fit | None:
    """How the mean of two unfiltered half maps (2, box, box, box) that lie on each other must be turned and moved, or
    turned inside out first, to lie on the start; None where there is none, or they lie on it, or it does not tell."""
    if problem.frame is None or not problem.frame.any():
        return None
    radius = min(radius, drift.SHELLS, len(problem.frame) // 2 - 1)
    small = min(len(problem.frame), _side(problem, radius))
    mean = regridded(halves.mean(axis=0) * problem.solvent, small)
    return _onto(problem, regridded(problem.frame, small), mean, radius, run)


def _side(problem: Problem, radius: int) -> int:
    """Pixels of a grid that holds shells up to a radius."""
    return min(problem.images.band.box, 2 * (radius + 4))


def _onto(problem: Problem, first: np.ndarray, second: np.ndarray, radius: int, run: Map) -> align.Fit | None:
    """How the second of two maps (small, small, small) in the solvent mask must be laid on the first, in pixels of the
    images; None where it lies there."""
    group, small = problem.settings.operators, len(first)
    a, b, inside_out = run(lambda one: reference(_level(one, radius), radius), (first, second, inverted(second)))
    free = group.mean(axis=0)  # projects on what all elements leave

    def shared(lies: tuple[Reference, align.Fit]) -> float:
        return information(problem, align.shell_correlation(a, *lies, radius))

    bands = sorted({min(radius, round(band * 0.7 / problem.extent)) for band in BANDS})

    def searched(job: tuple[Reference, int]) -> align.Fit:
        one, band = job
        return align.fit(a, one, band, mirror=False, turns=turns(group, min(3 / band, 0.45)), free=free)

    def climbed(job: tuple[Reference, align.Fit, bool]) -> align.Fit:
        one, fit, _ = job
        return align.fit(a, one, radius, mirror=False, turns=fit.turn[None], free=free, shift=fit.shift)

    coarse = list(run(searched, [(one, band) for one in (b, inside_out) for band in bands]))
    starts = []
    for mirrored, one in ((False, b), (True, inside_out)):
        own = coarse[len(bands) :] if mirrored else coarse[: len(bands)]
        starts += [(one, fit, mirrored) for fit in (own[-1:] if _alike(own, radius) else own)]
    fits = [(one, fit, mirrored) for (one, _, mirrored), fit in zip(starts, run(climbed, starts))]
    at_rest, *gained = run(shared, [(b, align.Fit(np.eye(3), False, 0.0)), *(fit[:2] for fit in fits)])
    _, found, mirrored = fits[int(np.argmax(gained))]
    if max(gained) <= at_rest + GAIN:
        return None
    return replace(found, mirrored=mirrored, shift=found.shift * (problem.images.band.box / small))


def _alike(fits: list[align.Fit], radius: int) -> bool:
    """Whether fits are so near to each other that they climb to one top in shells up to a radius."""
    last = fits[-1]
    apart = max(float(np.linalg.norm(rotation_vectors(fit.turn @ last.turn.T))) for fit in fits)
    return apart < 1 / radius and max(float(np.linalg.norm(fit.shift - last.shift)) for fit in fits) < 1


def _level(volume: np.ndarray, radius: int) -> np.ndarray:
    """The map with as much power in each shell from 1 to a radius: all that half maps may share."""
    strength = np.maximum(power(volume)[: radius + 1], 1e-30)
    strength[0] = np.inf
    return apply_radial(volume, strength**-0.5)


def shared(problem: Problem, state: State, halves: np.ndarray, run: Map = map) -> State | None:
    """The state with the poses of the second half's images in the first's frame, as unfiltered half maps
    (2, box, box, box) made with its poses ask for it; None where both halves have one."""
    found = between(problem, halves, state.radius, run)
    return None if found is None else _laid(state, found, np.flatnonzero(problem.images.half == 1))


def started(problem: Problem, state: State, halves: np.ndarray, run: Map = map) -> State | None:
    """The state with all poses in the frame and the hand of the start, as unfiltered half maps that lie on each other,
    made with its poses, ask for it; None where they have them, or nothing tells."""
    found = from_start(problem, halves, state.radius, run)
    return None if found is None else _laid(state, found, np.arange(len(problem.images)))


def _laid(state: State, fit: align.Fit, rows: np.ndarray) -> State:
    """The state whose poses of some rows are those in a map that is laid on another."""
    poses = state.poses[0]
    matrices, shifts = poses.poses.copy(), poses.shifts.copy()
    seen = matrices[rows] * (HALF_TURN if fit.mirrored else 1.0)
    matrices[rows] = seen @ fit.turn.T
    shifts[rows] -= matrices[rows, :, :2] @ fit.shift
    return replace(state, poses=[replace(poses, poses=matrices, shifts=shifts)])
