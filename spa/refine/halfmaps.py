"""The maps of poses: sums over images, half maps, what regularises them, and what both are together."""

from dataclasses import replace

import numpy as np

from spa.refine import classes, maximisation, plan, recognised, scales
from spa.refine.engine import Sums
from spa.refine.plan import Halves
from spa.refine.problem import Problem, Workers
from spa.refine.states import State


def draws(problem: Problem, state: State) -> int:
    """How many poses are drawn about each mode that was climbed for maps that poses are searched against: the mean over
    what poses may be fits less to its own images' noise. Filters of a smoothing see to that by themselves; and before
    modes were climbed in maps of all images, what they spread over is less than how far they are off."""
    return maximisation.DRAWS if state.moved < np.pi and problem.smoothing is None else 0


def summed(problem: Problem, state: State, workers: Workers, parts: Halves, share: float, draws: int = 0) -> State:
    """The state with the maps of its poses, and with what the next iteration does.

    parts: rows of each half that the maps are made of; two more are rows that take part in the FSC but not in the
    maps, which are the references that these rows are searched against next. share: of the images that were searched.
    draws: poses about each mode, as widely as its posterior; 0: modes enter as they are. What is to be looked at is
    made so: each mode is as far off as its posterior is wide, and drawn about once more the map fades twice as fast.
    """
    return _resolved(problem, state, workers, _sums(problem, state, workers, parts, share, draws), share)


def undrawn(problem: Problem, found: State, last: State, workers: Workers, parts: Halves, share: float) -> State:
    """The last state with the maps, and their joint ones, of the modes of a state found as they are."""
    return _joined(problem, *_halves(problem, last, workers, _sums(problem, found, workers, parts, share)), workers)


def _sums(
    problem: Problem, state: State, workers: Workers, parts: Halves, share: float, draws: int = 0
) -> list[list[Sums]]:
    """Of each class, of parts."""
    problem = scales.seen(problem, state)
    band = plan.insertion_band(problem, state.radius)
    return [
        maximisation.class_sums(problem, classes.weighted(poses, share), parts, band, state.noise,
                                maximisation.Spread(draws), (problem.settings.seed, state.iteration, number), workers)
        for number, (poses, share) in enumerate(zip(state.poses, shown(state).T))
    ]  # fmt: skip


def shown(state: State) -> np.ndarray:
    """(n, c) of each image, what enters the classes: a single one shares its images with what shows no particle."""
    if state.shares.shape[1] > 1:
        return state.shares
    return state.shares * recognised.chance(state.evidence, state.searched)[:, None]


def _resolved(
    problem: Problem, state: State, workers: Workers, sums: list[list[Sums]], share: float
) -> State:
    """FSC of the new half maps, the maps regularised, and what the next iteration does.

    sums: of each class, of both halves; or first without the images spared, and then these; share: of the images that
    were searched.
    """
    end = sums[0][0].radius
    state, whole, found = _halves(problem, state, workers, sums)
    shell = min(max(map(problem.reach, state.curves)), end)
    state = plan.decided(problem, state, shell, share)
    if problem.smoothing and state.local:  # maps that fade where they are noise serve as far as their best part agrees
        inner = min(max(problem.reach(one.curve, one.share) for one in found), end)
        state = replace(state, radius=plan.search_band(problem, max(shell, inner)))
    return _joined(problem, state, whole, found, workers) if state.done else state


def _halves(
    problem: Problem, state: State, workers: Workers, sums: list[list[Sums]]
) -> tuple[State, list[list[Sums]], list[maximisation.Regularised]]:
    """The state with the half maps of sums, which come back whole, and what these are made of."""
    rest = [pair[:2] for pair in sums]
    whole = [[more.take(some) for some, more in zip(pair[:2], pair[2:])] if pair[2:] else pair for pair in sums]
    found = [maximisation.regularised(problem, pair, workers, some) for pair, some in zip(whole, rest)]
    maps, raw = (np.stack([np.stack(kind) for kind in kinds]) for kinds in zip(*((one.maps, one.raw) for one in found)))
    found = [replace(one, maps=list(mine), raw=list(plain)) for one, mine, plain in zip(found, maps, raw)]  # held once
    return replace(state, maps=maps, halves=raw, curves=np.stack([one.curve for one in found])), whole, found


def _joined(
    problem: Problem, state: State, whole: list[list[Sums]], found: list[maximisation.Regularised], workers: Workers
) -> State:
    """The state with the maps of both halves."""
    joint = [maximisation.joint_map(problem, pair, one, workers) for pair, one in zip(whole, found)]
    return replace(state, joint=np.stack(joint))
