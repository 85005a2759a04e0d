"""Maps of images at their poses; the first of them tell how wide the particle is."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe import ewald, kept
from spa.recipe.given import Inputs, measured_diameter, solvent
from spa.refine import known
from spa.refine.engine import Engine
from spa.refine.problem import Problem, Smoothing, Workers
from spa.refine.states import State


@dataclass(frozen=True, eq=False)
class Made:
    """The problem with its last mask, the state, and the part of the images' power that the map explains."""

    inputs: Inputs
    state: State
    explained: float

    @property
    def problem(self) -> Problem:
        return self.inputs.problem


def made(
    run: Run, given: Inputs, bounded: bool, smoothing: Callable[[Problem], Smoothing] | None, way: str, engine: Engine
) -> Made:
    """The finished maps, and what speaks against them; bounded: whether the user has said where the particle is;
    way: of `options.ewald`. With --resume the first maps are those that there are."""
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads, engine)
        state = kept.resumed(run, given.start)
        if not state.iteration:
            state = known.again(given.problem, state, workers)
            kept.checkpoint(run, state)
        problem = given.problem if bounded else _bounded(run, given, state)
        if smoothing:
            problem = replace(problem, smoothing=smoothing(problem))
        state = known.again(problem, state, workers)
        share = known.explained(problem, state, workers)
    given = replace(given, problem=problem)
    state = ewald.corrected(run, given, state, way, engine)
    if problem.dynamic and share < kept.EXPLAINED:
        run.doubt(f"the map explains only {share:.0%} of the power that the images have over the noise: are the poses, "
                  "CTFs and point group theirs?")  # fmt: skip
    return Made(given, state, share)


def _bounded(run: Run, given: Inputs, state: State) -> Problem:
    """The problem in a sphere about what the first maps show."""
    problem, stack = given.problem, given.stack
    diameter = measured_diameter(state.maps[0].mean(axis=0), stack.pixel_size)
    run.say(f"the particle is {diameter:.0f} A wide")
    settings = replace(problem.settings, diameter=diameter)
    return replace(problem, settings=settings, solvent=solvent(run, None, stack, diameter))
