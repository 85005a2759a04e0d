"""A refinement from its table to its table: what `refine homo` does, and every refiner that differs by a step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe import device, ewald, given, kept, relaxation
from spa.refine import loop
from spa.refine.engine import CPU, Engine
from spa.refine.problem import Problem, Smoothing, Workers
from spa.refine.states import State


def run_refinement(
    run: Run, star: str, output: str, plot: str | None, asked: given.Asked,
    smoothing: Callable[[Problem], Smoothing] | None = None,
) -> None:  # fmt: skip
    """Read, iterate until it is done, write; smoothing: of a problem, how its half maps are regularised."""
    engine = device.engine_of(run)
    inputs = given.read(run, run.read(star), asked)
    problem = inputs.problem
    if smoothing:
        problem = replace(problem, smoothing=smoothing(problem))
    focus = given.focus_mask(run, inputs.stack, asked.focus_mask)
    found = refined(run, problem, inputs.start, asked.relax_symmetry, focus, engine)
    inputs = replace(inputs, problem=found.problem)
    state = ewald.corrected(run, inputs, found.state, asked.ewald, engine)
    tables = kept.written(run, inputs, state)
    if asked.relax_symmetry:
        tables = tables.with_block("particles", relaxation.with_copies(tables["particles"], state.poses[0].weight))
    run.write(tables, output)
    if plot:
        kept.draw(Path(plot), found.problem, state)
    run.summary(f"{kept.summary(found.problem, state)}{found.words}")


@dataclass(frozen=True, eq=False)
class Refined:
    """The last state, the problem that it is of, and what the summary adds to it."""

    problem: Problem
    state: State
    words: str = ""


def refined(
    run: Run, problem: Problem, start: State, relax: str | None, focus: np.ndarray | None, engine: Engine = CPU
) -> Refined:
    """A whole refinement; over a group (name) that the particle has only nearly, if there is one.

    focus: mask (box, box, box) of where copies over it may differ.
    """
    if relax is None:
        return Refined(problem, settled(run, problem, start, engine))
    found = relaxation.settled(run, problem, start, relax, focus, settled, engine)
    return Refined(found.problem, found.state, f"; {found.words}")


def settled(run: Run, problem: Problem, start: State, engine: Engine = CPU) -> State:
    """The last state of a refinement: from the start or, with --resume, the last whole iteration."""
    state = kept.resumed(run, start)
    with mapping(run.threads) as pool:
        while not state.done:
            state = loop.iterated(problem, state, Workers(pool, run.threads, engine))
            run.note(kept.line(problem, state))
            kept.checkpoint(run, state)
    if words := kept.doubt(problem, state):
        run.doubt(words)
    for speak in (kept.junk, kept.narrow, kept.coarse):
        if words := speak(problem, state):
            run.warn(words)
    return state
