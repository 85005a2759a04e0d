"""A refinement over a group that the particle has only nearly, between its options and the arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spa.errors import UsageError
from spa.io.star import Table
from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe import kept
from spa.refine import recognised, scales
from spa.refine.engine import CPU, Engine
from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa.relax import held, loop
from spa.relax.breaking import Start
from spa.relax.copies import certainty
from spa.relax.loop import Relaxation
from spa.volume.symmetry import canonical, cosets, operators

STATE = "state.relaxed.npz"


@dataclass(frozen=True, eq=False)
class Relaxed:
    """What came of it: the problem that the state is of, the state, whose poses have a mode a copy, and words."""

    problem: Problem
    state: State
    words: str


def settled(
    run: Run, problem: Problem, start: State, group: str, focus: np.ndarray | None,
    refined: Callable[[Run, Problem, State, Engine], State], engine: Engine = CPU,
) -> Relaxed:  # fmt: skip
    """The consensus over the group (name), its symmetry broken where the particle's is, and refined in its own.

    focus: mask (box, box, box) of where copies may differ; refined: a whole refinement, that of the consensus.
    UsageError where the group is no larger than the particle's own.
    """
    relaxed = relaxation(problem, group, focus)
    consensus = loop.consensus_problem(relaxed, canonical(group))
    state = refined(run, consensus, loop.consensus_start(relaxed, start), engine)
    return broken(run, relaxed, state, group, engine)


def broken(
    run: Run, relaxed: Relaxation, state: State, group: str, engine: Engine = CPU, number: int | None = None
) -> Relaxed:
    """A finished consensus over the group (name) with its symmetry broken, where the particle's is; number: of a class,
    which has draws and a state of its own.

    Whether poses were found is for the consensus to say: copies are those of the one pose that an image has from there.
    """
    consensus = state
    state = loop.undecided(relaxed, state)
    relaxed = replace(relaxed, problem=scales.seen(relaxed.problem, state))
    name, draws = canonical(group), "copies" if number is None else f"copies {number}"
    whose = "" if number is None else f"class {number}: "
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads, engine)
        first = loop.broken(relaxed, state, run.rng(draws), workers)
        run.note(whose + _found(first, relaxed.problem, name))
        if not first.evident:
            copies = len(relaxed.turns)
            told = held.nats(consensus.poses[0], copies)
            run.warn(f"{whose}nothing tells the copies over {name} apart: {alike(told, copies)}")
            return Relaxed(loop.consensus_problem(relaxed, name), state, f"no copy differs from the others over {name}")
        relaxed = _with_more_iterations(relaxed, state)
        start = loop.relaxed_start(relaxed, state, first, run.rng(draws, "first"), workers)
        state = _refined(run, relaxed, start, workers, STATE if number is None else f"state.relaxed{number:03d}.npz")
        state = loop.with_posterior(relaxed, state, state.poses[0].weight, run.rng(draws, "last"), workers)
        found = {name: getattr(consensus, name) for name in ("local", "clarity", "wandering")}
        state = replace(state, threshold=recognised.threshold(state.evidence), **found)
    return Relaxed(relaxed.problem, state, _words(state, name))


def alike(told: float, copies: int) -> str:
    """Whether that is for the map to say: had images shown an odd copy, were it a subunit that is missing?

    told: by how much (log p) a right copy would then be likelier; below the log of their number no image knows its own,
    even against the true map.
    """
    words = f"were one of {copies} subunits missing, an image's right copy would be likelier by {told:.1f} (log)"
    if told > np.log(copies):
        return f"the map has that symmetry, as far as can be seen ({words})"
    return f"such images do not show it ({words}, which is lost among {copies} copies)"


def relaxation(problem: Problem, group: str, focus: np.ndarray | None) -> Relaxation:
    """Of a problem in the particle's own symmetry over a group (name) that it has only nearly."""
    turns = cosets(group, problem.settings.symmetry)
    if len(turns) == 1:
        raise UsageError(f"--relax-symmetry {canonical(group)}: that is --symmetry {problem.settings.symmetry} itself")
    return Relaxation(problem, operators(group), turns, focus)


def _with_more_iterations(relaxed: Relaxation, state: State) -> Relaxation:
    """As many again as the consensus was allowed."""
    settings = relaxed.problem.settings
    longer = replace(settings, iterations=settings.iterations + state.passes)
    return replace(relaxed, problem=replace(relaxed.problem, settings=longer))


def _refined(run: Run, relaxed: Relaxation, start: State, workers: Workers, name: str) -> State:
    state = kept.resumed(run, start, name)
    while not state.done:
        state = loop.iterated(relaxed, state, workers)
        run.note(f"{kept.line(relaxed.problem, state)}, copies {_share(state):.2f}")
        kept.checkpoint(run, state, name)
    return state


def _share(state: State) -> float:
    """Mean share of the best copy."""
    return float(state.poses[0].weight.max(axis=1).mean())


def _found(start: Start, problem: Problem, group: str) -> str:
    resolution = problem.images.resolution_of(start.radius)
    return (
        f"copies over {group}: a difference to {resolution:.0f} A makes {start.held_out} images that it was "
        f"not made of likelier by {start.gain:.1f} (log)"
    )


def _words(state: State, group: str) -> str:
    weight = state.poses[0].weight
    return (
        f"copies over {group}: best with {_share(state):.2f} in the mean, "
        f"entropy {certainty(weight).mean():.2f} (1: no preference)"
    )


def with_copies(table: Table, share: np.ndarray) -> Table:
    """The particles with the copy that each is in, its posterior (n, c) over the copies, and how certain that is."""
    every = {f"spaCopyShare{number}": np.round(column, 6) for number, column in enumerate(share.T, 1)}
    return table.with_columns(spaCopy=share.argmax(axis=1) + 1, spaCopyEntropy=certainty(share), **every)
