"""Half maps at poses that stay as they are: nothing is searched, but grey scales and noise are found.

The first maps go by the noise around the particles; what images then leave of their own half's map tells the noise
within it, and the grey scale of each group, that the last maps go by.
"""

from dataclasses import replace

import numpy as np

from spa.refine import expectation, halfmaps, loop, plan, scales
from spa.refine.problem import Problem, Workers
from spa.refine.states import State

ROUNDS = 2


def first_state(problem: Problem, noise: np.ndarray) -> State:
    """Before the first maps: each image at its pose of the prior; noise (groups, shells): power of the background."""
    images, prior = problem.images, problem.prior
    assert prior.poses is not None
    n, box = len(images), images.band.box
    poses = expectation.given_poses(prior.poses, prior.centres, modes=1)
    everyone = np.ones(n, bool)
    return State(
        0, np.zeros((1, 2, box, box, box), np.float32), np.zeros((1, box // 2 + 1)), images.band.radius, noise, [poses],
        np.ones((n, 1)), everyone, everyone, np.full(n, -np.inf), noise, local=True,
    )  # fmt: skip


def again(problem: Problem, state: State, workers: Workers) -> State:
    """The state with maps anew, after the first by the noise and the scales that its maps leave; problem.settings say
    after how many rounds (iterations) it is done, with its half maps and their joint map."""
    halves = plan.everything(problem)
    if state.iteration:
        seen = scales.seen(problem, state)
        state = loop.left_over(seen, state, workers, halves, loop.sources_of(state, workers))
    state = replace(state, iteration=state.iteration + 1, passes=state.passes + 1)
    found = halfmaps.summed(problem, state, workers, halves, 1.0)
    return replace(found, radius=problem.images.band.radius)


def explained(problem: Problem, state: State, workers: Workers) -> float:
    """Of the power that images have over the noise around them, what their half's map has where they are said to be."""
    some = [rows[: loop.MOST] for rows in plan.everything(problem)]
    return loop.explained(scales.seen(problem, state), state, some, workers)
