"""The whole of several references: iterations until the poses have settled, then the classes weighed."""

from dataclasses import replace

from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe import kept
from spa.refine import rivals
from spa.refine.engine import CPU, Engine
from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa_plugins.refine_hetero import results, twins, weighing

MERGED = "state.merged.npz"


def settled(run: Run, problem: Problem, start: State, engine: Engine = CPU) -> State:
    """The last state: from the start or, with --resume, the last whole iteration."""
    which = twins.copies_of(start.maps)
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads, engine)
        if which.max() + 1 == len(which):
            return weighing.weighed(problem, _iterated(run, problem, start, workers, kept.STATE), workers)
        run.say(f"{len(which)} references, {which.max() + 1} of them distinct: copies part once the poses have settled")
        shared = _iterated(run, problem, twins.merged(start, which), workers, MERGED)
        more = replace(problem.settings, iterations=problem.settings.iterations + shared.passes)
        problem = replace(problem, settings=more)
        state = _iterated(run, problem, twins.parted(problem, shared, which, workers), workers, kept.STATE)
        return weighing.weighed(problem, state, workers)


def _iterated(run: Run, problem: Problem, start: State, workers: Workers, name: str) -> State:
    state = kept.resumed(run, start, name)
    while not state.done:
        state = rivals.iterated(problem, state, workers)
        run.note(results.line(problem, state))
        kept.checkpoint(run, state, name)
    return state
