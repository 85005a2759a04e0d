"""Several references: every image is searched in every class, and every class gets a fair hearing.

A search may miss the pose in the class that an image belongs to and find it in another one's; the image would then
follow the pose.  So the modes found in any class are refined in all of them before their evidence is compared.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from spa.refine import classes, expectation, loop, scales
from spa.refine.expectation import Poses
from spa.refine.loop import Sources
from spa.refine.plan import Halves
from spa.refine.problem import Problem, Workers
from spa.refine.settings import local_stages
from spa.refine.states import State
from spa.search.newton import Modes

SUBSETS = (1500, 3000)  # images a half and class in the first iterations: small classes must be seen too
FEWEST = 10  # images that make a map
REVIVALS = 3  # iterations in which classes that lost all images get some
EXCHANGED = 2  # modes that each class offers to the others


def iterated(problem: Problem, state: State, workers: Workers) -> State:
    """The state after one more iteration."""
    problem = scales.seen(problem, state)
    halves, sources = chosen(problem, state), loop.sources_of(state, workers)
    state = replace(state, wide=state.iteration > 0)  # a pose that one class misses is a class that is missed
    found = loop.expected(problem, state, workers, halves, sources)
    found = exchanged(problem, found, workers, halves, sources)
    if state.iteration < REVIVALS:
        found = revived(found, np.concatenate(halves))
    return _kept(state, loop.maximised(problem, found, workers, halves, sources))


def revived(state: State, rows: np.ndarray) -> State:
    """Classes that next to none of rows are in get those that fit worst anywhere: junk is there if it is at all.

    Without it a decoy that is no map of the junk would die, and the junk stay where there is most to align to.
    """
    empty = np.flatnonzero(state.shares[rows].sum(axis=0) < FEWEST)
    count = len(rows) // (2 * state.shares.shape[1]) * len(empty)
    if not count:
        return state
    fit = np.max([poses.logp[rows].max(axis=1) for poses in state.poses], axis=0)
    worst = rows[np.argsort(fit, kind="stable")[:count]]
    shares = state.shares.copy()
    shares[worst] = np.eye(shares.shape[1])[empty[np.arange(count) % len(empty)]]
    return replace(state, shares=shares)


def _kept(before: State, state: State) -> State:
    """A class that next to no image was in keeps the maps that it had: it may win some back."""
    empty = state.shares[state.searched].sum(axis=0) < FEWEST
    maps, curves = state.maps.copy(), state.curves.copy()
    maps[empty], curves[empty] = before.maps[empty], before.curves[empty]
    return replace(state, maps=maps, curves=curves)


def chosen(problem: Problem, state: State) -> Halves:
    """Rows of each half for the next iteration: random subsets at first, then all."""
    if state.iteration >= len(SUBSETS):
        return [np.flatnonzero(problem.images.half == half) for half in (0, 1)]
    rng = np.random.Generator(
        np.random.Philox(np.random.SeedSequence(problem.settings.seed, spawn_key=(state.iteration,)))
    )
    limit = SUBSETS[state.iteration] * len(state.maps)
    return [np.sort(rng.permutation(np.flatnonzero(problem.images.half == half))[:limit]) for half in (0, 1)]


def exchanged(problem: Problem, state: State, workers: Workers, halves: Halves, sources: Sources) -> State:
    """The state with the best modes of all classes refined in each, and shares by what they come to."""
    offered = _offered(state.poses)
    logs = np.full(state.shares.shape, -np.inf)
    renewed = [Poses(*(np.array(getattr(poses, name)) for name in Poses.__dataclass_fields__)) for poses in state.poses]
    for number, pair in enumerate(sources):
        for rows, source in zip(halves, pair):

            def refined(part: np.ndarray, source: Any = source) -> Modes:
                block = workers.engine.block(problem.images, part, state.radius, state.noise)
                return workers.engine.refine(
                    source, block, offered.poses[part], offered.shifts[part], offered.logp[part],
                    local_stages(state.radius, offered.logp.shape[1]), problem.prior.of(part),
                    problem.settings.operators,
                )  # fmt: skip

            queue = workers.engine.blocks(problem.images, rows, state.radius)
            for part, modes in zip(queue, workers.looks(refined, queue)):
                renewed[number].write(part, modes)
                logs[part, number] = classes.evidence(modes)
    every = np.concatenate(halves)
    shares = state.shares.copy()
    shares[every] = classes.shares(logs[every])
    return replace(state, poses=renewed, shares=shares)


def _offered(every: list[Poses]) -> Poses:
    """The strongest modes of all classes side by side; places without one have log p = -inf."""
    parts = []
    for poses in every:
        order = np.argsort(-poses.weight, axis=1, kind="stable")[:, :EXCHANGED]
        parts.append([np.take_along_axis(one, order.reshape(order.shape + (1,) * (one.ndim - 2)), axis=1)
                      for one in (poses.poses, poses.shifts, poses.logp, poses.weight)])  # fmt: skip
    matrices, shifts, logp, weight = (np.concatenate(one, axis=1) for one in zip(*parts))
    logp = np.where(weight > 0, logp, -np.inf)
    return replace(expectation.no_poses(1), poses=matrices, shifts=shifts, logp=logp, weight=weight)
