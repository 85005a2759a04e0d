"""A refinement from its table to its table: what `refine homo` does, and every refiner that differs by a step."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe import given, kept
from spa.refine import loop
from spa.refine.problem import Problem, Smoothing, Workers


def run_refinement(
    run: Run, star: str, output: str, plot: str | None, asked: given.Asked,
    smoothing: Callable[[Problem], Smoothing] | None = None,
) -> None:  # fmt: skip
    """Read, iterate until it is done, write; smoothing: of a problem, how its half maps are regularised."""
    inputs = given.read(run, run.read(star), asked)
    problem = inputs.problem
    if smoothing:
        problem = replace(problem, smoothing=smoothing(problem))
    state = kept.resumed(run, inputs.start)
    with mapping(run.threads) as pool:
        while not state.done:
            state = loop.iterated(problem, state, Workers(pool, run.threads))
            run.note(kept.line(problem, state))
            kept.checkpoint(run, state)
    run.write(kept.written(run, inputs, state), output)
    if plot:
        kept.draw(Path(plot), problem, state)
    run.summary(kept.summary(problem, state))
