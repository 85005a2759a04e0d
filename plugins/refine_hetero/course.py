"""The whole of several references: iterations until the poses have settled, then the classes weighed."""

from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe import kept
from spa.refine import rivals
from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa_plugins.refine_hetero import results, weighing


def settled(run: Run, problem: Problem, start: State) -> State:
    """The last state: from the start or, with --resume, the last whole iteration."""
    state = kept.resumed(run, start)
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads)
        while not state.done:
            state = rivals.iterated(problem, state, workers)
            run.note(results.line(problem, state))
            kept.checkpoint(run, state)
        return weighing.weighed(problem, state, workers)
