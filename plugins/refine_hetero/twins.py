"""References that are copies of one map: nothing tells their classes apart until the images do.

Searched as they are, they would stay alike but for the noise of the search. So all copies of a map begin as one class;
once the poses have settled its images are sorted into as many as there are copies, from the principal components of
what they differ in (`spa.class3d`), and all classes go on from there.
"""

from dataclasses import replace

import numpy as np

from spa.class3d import loop
from spa.refine import loop as refinement
from spa.refine import scales
from spa.refine.expectation import Poses
from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa_plugins.refine_hetero.weighing import fixed

ALIKE = 0.9999  # correlation of starts that are copies
ITERATIONS = 20
FEWEST = 10  # images for each class


def copies_of(maps: np.ndarray) -> np.ndarray:
    """(c,) which distinct map (from 0, in their order) each of maps (c, 2, box, box, box) is."""
    flat = maps[:, 0].reshape(len(maps), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-30
    alike = flat @ flat.T > ALIKE
    first = alike.argmax(axis=1)
    return np.unique(first, return_inverse=True)[1]


def merged(start: State, which: np.ndarray) -> State:
    """The state before the first iteration with one class for each distinct map."""
    one = [int(np.flatnonzero(which == k)[0]) for k in range(which.max() + 1)]
    shares = np.full((len(start.shares), len(one)), 1 / len(one))
    return replace(start, maps=start.maps[one], curves=start.curves[one], poses=[start.poses[k] for k in one],
                   shares=shares)  # fmt: skip


def parted(problem: Problem, state: State, which: np.ndarray, workers: Workers) -> State:
    """A settled state of the distinct maps with a class for each copy, and maps of these."""
    problem = scales.seen(problem, state)
    number, shares = state.best()[1], np.zeros((len(state.shares), len(which)))
    for k in range(which.max() + 1):
        places = np.flatnonzero(which == k)
        shares[:, places] = state.shares[:, [k]] / len(places)
        rows = np.flatnonzero(number == k)
        if len(places) > 1 and len(rows) >= FEWEST * len(places):
            sorted_ = loop.settled(fixed(problem, state, rows, len(places), ITERATIONS, workers), workers)
            shares[np.ix_(rows, places)] = state.shares[rows, k, None] * sorted_.posterior
    poses = [Poses(*(np.array(getattr(state.poses[k], name)) for name in Poses.__dataclass_fields__)) for k in which]
    state = replace(state, maps=state.maps[which], curves=state.curves[which], poses=poses, shares=shares)
    halves = [np.flatnonzero(problem.images.half == half) for half in (0, 1)]
    found = refinement.maximised(problem, state, workers, halves, refinement.sources_of(state, workers))
    return replace(found, local=True, done=False, best_shell=0, stalled=0, moved=np.pi, least=np.pi, halves=None,
                   joint=None)  # fmt: skip
