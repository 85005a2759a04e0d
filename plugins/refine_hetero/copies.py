"""Classes that have a symmetry only nearly, each relaxed among its own particles.

Classes compete as if all of them had the whole group; what tells a class's copies apart is its own affair, and so each
class's symmetry is broken by the particles that are in it.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.job.run import Run
from spa.recipe import relaxation
from spa.refine.engine import CPU, Engine
from spa.refine.expectation import Poses
from spa.refine.problem import Problem
from spa.refine.states import State
from spa.relax.loop import Relaxation
from spa.volume.symmetry import canonical
from spa_plugins.refine_hetero.results import by_size

FEWEST = 100  # particles of a class whose copies can be told apart


@dataclass(frozen=True, eq=False)
class Copies:
    """The state with each class in its own symmetry; of every image its posterior (n, c) over the copies; words of each
    class."""

    state: State
    share: np.ndarray
    words: list[str]


def relaxed(run: Run, shared: Relaxation, state: State, group: str, engine: Engine = CPU) -> Copies:
    """From a last state over a group (name): every class with its symmetry broken, where it is, the largest first."""
    assert state.halves is not None and state.joint is not None
    number, name = state.best()[1], canonical(group)
    share = np.full((len(number), len(shared.turns)), 1 / len(shared.turns))
    found, words = replace(state, joint=state.joint.copy(), halves=state.halves.copy(), curves=state.curves.copy()), []
    for place, k in enumerate(by_size(state), 1):
        rows = np.flatnonzero(number == k)
        if len(rows) < FEWEST:
            run.warn(f"class {place}: {len(rows)} particles are too few to tell copies over {name} apart")
            continue
        mine = replace(shared, problem=_of(shared.problem, rows))
        one = relaxation.broken(run, mine, _alone(state, k, rows), group, engine, place)
        words.append(f"class {place}: {one.words}")
        share[rows] = one.state.poses[0].weight
        _put(found, k, rows, one.state)
    return Copies(found, share, words)


def _of(problem: Problem, rows: np.ndarray) -> Problem:
    """The problem of some images alone."""
    cohort = None if problem.cohort is None else problem.cohort[rows]
    return replace(problem, images=problem.images.of(rows), prior=problem.prior.of(rows), cohort=cohort)


def _alone(state: State, k: int, rows: np.ndarray) -> State:
    """The state of one class and some images."""
    assert state.halves is not None and state.joint is not None
    poses = Poses(*(getattr(state.poses[k], name)[rows] for name in Poses.__dataclass_fields__))
    return replace(
        state, maps=state.maps[[k]], curves=state.curves[[k]], poses=[poses], shares=np.ones((len(rows), 1)),
        searched=state.searched[rows], settled=state.settled[rows], evidence=state.evidence[rows],
        halves=state.halves[[k]], joint=state.joint[[k]],
    )  # fmt: skip


def _put(found: State, k: int, rows: np.ndarray, one: State) -> None:
    """What a class came to, in its place: its maps, and its copies as the modes of its images."""
    assert one.halves is not None and one.joint is not None and found.halves is not None and found.joint is not None
    found.halves[k], found.joint[k], found.curves[k] = one.halves[0], one.joint[0], one.curves[0]
    modes = found.poses[k].weight.shape[1]
    order = np.argsort(-one.poses[0].weight, axis=1, kind="stable")[:, :modes]
    for name in Poses.__dataclass_fields__:
        held, new = getattr(found.poses[k], name), getattr(one.poses[0], name)
        held[rows] = -np.inf if name == "logp" else 0
        taken = np.take_along_axis(new, order.reshape(order.shape + (1,) * (new.ndim - 2)), axis=1)
        held[rows, : order.shape[1]] = taken
