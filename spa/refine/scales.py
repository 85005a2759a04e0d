"""Grey scales of groups of images: how strong the map's signal is in those of a micrograph, beside all others.

Ice, dose and detector differ between micrographs, so images of a group share a factor of the signal (Scheres, J.
Struct. Biol. 180 (2012) 519).  Each half has factors of its own, of mean 1 over its images, fitted to its own maps in
the shells that these can be trusted in, and drawn towards 1 as far as the noise of a fit asks.
"""

from dataclasses import replace

import numpy as np

from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa.refine.views import in_order
from spa.search.scale import particle_scales
from spa.volume.fsc import crossing

LEAST_SHELL = 4
CLEAR = 0.5  # share of the best pose below which an image tells nothing
Parts = list[tuple[np.ndarray, object]]  # rows, and the engine's reference that they are searched against


def seen(problem: Problem, state: State) -> Problem:
    """The problem with its images in the scales that the state has found."""
    if state.scales is None or problem.cohort is None:
        return problem
    images = problem.images
    return replace(problem, images=images.scaled(state.scales[images.half, problem.cohort]))


def fitted(problem: Problem, state: State, workers: Workers, parts: Parts) -> State:
    """The state with the scales that its best poses speak for; as it is where all images are of one group."""
    if problem.cohort is None:
        return state
    radius = max(LEAST_SHELL, min(crossing(state.curve, 0.5), state.radius)) if state.curve.any() else state.radius
    best = state.best()[0]
    clear = best.weight.max(axis=1) * state.shares.max(axis=1) > CLEAR
    jobs = [
        (block[clear[block]], source)
        for rows, source in parts
        for block in workers.engine.blocks(problem.images, in_order(rows, best), radius)
    ]
    jobs = [job for job in jobs if len(job[0])]
    sums = np.zeros((2, 2, int(problem.cohort.max()) + 1))  # cross and norm of each group of each half
    found = workers.looks(
        lambda job: workers.engine.agreement(problem.images, best, job[0], job[1], radius, state.noise), jobs
    )
    for (rows, _), products in zip(jobs, found):
        for one, product in zip(sums, products):
            np.add.at(one, (problem.images.half[rows], problem.cohort[rows]), product)
    return replace(state, scales=np.stack([_drawn(problem, half, *sums[:, half]) for half in (0, 1)]))


def _drawn(problem: Problem, half: int, cross: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """(groups,) scales of a half, 1 in the mean over its images."""
    assert problem.cohort is not None
    if cross.sum() <= 0:
        return np.ones(len(cross))
    scale = particle_scales(cross, norm)
    return scale / scale[problem.cohort[problem.images.half == half]].mean()
