"""Classes weighed at the poses that they have, as differences from the map of all particles.

Classes searched each by itself are not on one footing: where two are alike, the one that more particles made is the
better resolved, explains what both share better, and draws particles from the other.  As differences from one map they
share what they have in common (`spa.class3d`); each image's pose is that of its best class.
"""

from dataclasses import replace

import numpy as np

from spa.abinit.compact import compact
from spa.class3d import consensus, loop
from spa.class3d.prior import prior
from spa.class3d.settings import Settings
from spa.refine import loop as refinement
from spa.refine import plan, recognised, rivals, scales, whole
from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa.volume.masks import soft_sphere

ITERATIONS = 10
TAU = 0.05  # power of differences over that of the map
START = 20.0  # angstroms: what a start looks at
SETTLED = 0.002  # of the images change class: no further


def weighed(problem: Problem, state: State, workers: Workers) -> State:
    """The last state, from one whose poses have settled: weighed, its poses refined in the purer maps, and again."""
    problem = replace(problem, settings=replace(problem.settings, iterations=state.passes + 1))
    problem = scales.seen(problem, state)
    halves = [np.flatnonzero(problem.images.half == half) for half in (0, 1)]
    state = replace(state, local=True)
    for last in (False, True):
        sources = refinement.sources_of(state, workers)
        if last:
            found = refinement.expected(problem, state, workers, halves, sources)
            found = rivals.exchanged(problem, found, workers, halves, sources)
            state = replace(found, shares=state.shares)
        shares = _shares(problem, state, workers)
        state = refinement.maximised(problem, replace(state, shares=shares), workers, halves, sources)
    return judged(problem, state, workers)


def judged(problem: Problem, state: State, workers: Workers) -> State:
    """The state with the evidence for what each image's class shows, in any pose, over nothing and random patterns, and
    how far each is from showing all of it."""
    (best, number), order = state.best(), len(problem.settings.operators)
    inside, views = float((state.maps != 0).mean()), order * np.bincount(number, minlength=len(state.maps)) / 2
    own = [recognised.own_noise(curve, state.radius, inside, some) for curve, some in zip(state.curves, views)]
    prior = plan.shift_prior(problem, state)[0]
    spared = np.array(own)[number]
    found = recognised.evidence(best, prior, order, spared)
    maps = state.maps.mean(axis=1) * problem.solvent
    found = recognised.over_patterns(problem.images, maps, found, state.radius, state.noise, workers)
    away = whole.deviations(problem, state, workers, refinement.sources_of(state, workers), spared)
    return replace(state, evidence=found, threshold=recognised.threshold(found), whole=away)


def _shares(problem: Problem, state: State, workers: Workers) -> np.ndarray:
    """(n, c): posteriors over classes at each image's best pose, from the shares that they have."""
    rows = np.arange(len(problem.images))
    return _settled(fixed(problem, state, rows, state.shares.shape[1], ITERATIONS, workers), state.shares, workers)


def fixed(
    problem: Problem, state: State, rows: np.ndarray, classes: int, iterations: int, workers: Workers
) -> loop.Problem:  # fmt: skip
    """Images rows, at the best pose of each, to be sorted into classes as differences from the map of all of them."""
    best, _ = state.best()
    mode = best.weight[rows].argmax(axis=1)
    images = problem.images
    small = compact(images, state.radius, rows)
    factor = small.band.box / images.band.box
    posed = consensus.Posed(small, best.poses[rows, mode], best.shifts[rows, mode] * factor, problem.settings.operators)
    noise = state.noise[:, : small.band.radius + 1]
    box, edge = small.band.box, min(4.0, 0.06 * small.band.box)
    mask = soft_sphere(box, min(problem.settings.diameter / 2 / small.pixel_size, box / 2 - edge), edge)
    whole = consensus.consensus(posed, noise, mask, workers)
    found, volume = consensus.residuals(posed, whole.volume * mask, noise, workers)
    start = int(np.clip(small.shell_of(START), min(4, small.band.radius), small.band.radius))
    settings = Settings(classes, start, iterations, problem.settings.seed)
    return loop.Problem(found, np.arange(len(rows)), prior(volume, mask, mask, TAU), settings)


def _settled(fixed: loop.Problem, shares: np.ndarray, workers: Workers) -> np.ndarray:
    radius = fixed.found.images.band.radius
    for _ in range(ITERATIONS):
        maps = loop.maximised(fixed, fixed.rows, shares, radius, workers)
        found = loop.expected(fixed, fixed.rows, maps, shares.mean(axis=0), radius, workers).posterior
        changed = (found.argmax(axis=1) != shares.argmax(axis=1)).mean()
        shares = found
        if changed < SETTLED:
            break
    return shares
