"""A refinement from its table to its table: what `refine homo` does, and every refiner that differs by a step."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe import given, kept, relaxation
from spa.refine import loop
from spa.refine.problem import Problem, Smoothing, Workers
from spa.refine.states import State


def run_refinement(
    run: Run, star: str, output: str, plot: str | None, asked: given.Asked,
    smoothing: Callable[[Problem], Smoothing] | None = None,
) -> None:  # fmt: skip
    """Read, iterate until it is done, write; smoothing: of a problem, how its half maps are regularised."""
    inputs = given.read(run, run.read(star), asked)
    problem = inputs.problem
    if smoothing:
        problem = replace(problem, smoothing=smoothing(problem))
    if asked.relax_symmetry:
        _relaxed(run, replace(inputs, problem=problem), asked, output, plot)
        return
    state = settled(run, problem, inputs.start)
    run.write(kept.written(run, inputs, state), output)
    if plot:
        kept.draw(Path(plot), problem, state)
    run.summary(kept.summary(problem, state))


def _relaxed(run: Run, inputs: given.Inputs, asked: given.Asked, output: str, plot: str | None) -> None:
    """The same over a group that the particle has only nearly."""
    assert asked.relax_symmetry is not None
    focus = given.focus_mask(run, inputs.stack, asked)
    found = relaxation.settled(run, inputs.problem, inputs.start, asked.relax_symmetry, focus, settled)
    inputs = replace(inputs, problem=found.problem)
    tables = kept.written(run, inputs, found.state)
    particles = relaxation.with_copies(tables["particles"], found.state)
    run.write(tables.with_block("particles", particles), output)
    if plot:
        kept.draw(Path(plot), found.problem, found.state)
    run.summary(f"{kept.summary(found.problem, found.state)}; {found.words}")


def settled(run: Run, problem: Problem, start: State) -> State:
    """The last state of a refinement: from the start or, with --resume, the last whole iteration."""
    state = kept.resumed(run, start)
    with mapping(run.threads) as pool:
        while not state.done:
            state = loop.iterated(problem, state, Workers(pool, run.threads))
            run.note(kept.line(problem, state))
            kept.checkpoint(run, state)
    words = kept.doubt(state)
    if words:
        run.warn(words)
    return state
