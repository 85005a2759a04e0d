"""Classes at fixed poses: a start in few dimensions, then expectation and maximisation of whole maps.

The likelihood of a class is that of an image less the consensus; classes are differences from it (`consensus`,
`prior`).  The start finds the principal components of the images' differences and lays the classes into their span
(`subspace`, `mixture`), or grows them from random classes that are held alike at first.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.class3d import mixture, plan, subspace
from spa.class3d.consensus import Differences
from spa.class3d.prior import Prior
from spa.class3d.settings import Settings
from spa.refine.problem import Workers
from spa.volume import insert as into

SPANNED = 20  # iterations within the span of the maps
LEAST = 1e-3  # of an image: smaller shares are not inserted


@dataclass(frozen=True, eq=False)
class Problem:
    """What is classified: those rows of the images less their consensus; how strong differences may be where."""

    found: Differences
    rows: np.ndarray
    prior: Prior
    settings: Settings


@dataclass(frozen=True, eq=False)
class State:
    """After an iteration: maps (k, n, n, n) of differences and share (k,) of the classes.

    posterior (n, k) and evidence (n,) of images, number (n,) the likeliest class or -1 for those not seen yet;
    sizes (iterations, k) and changed (iterations,): how the assignments settled.
    """

    iteration: int
    maps: np.ndarray
    share: np.ndarray
    posterior: np.ndarray
    evidence: np.ndarray
    number: np.ndarray
    sizes: np.ndarray
    changed: np.ndarray
    done: bool = False


def first_state(problem: Problem, workers: Workers) -> State:
    """Before the first iteration: maps of the likeliest start, no image assigned yet."""
    settings, n = problem.settings, len(problem.found)
    rows = plan.chosen(problem.rows, settings, 0)
    maps, share = (_from_random if settings.random else _from_components)(problem, rows, workers)
    k = settings.classes
    return State(
        0, maps, share, np.zeros((n, k), np.float32), np.zeros(n), np.full(n, -1),
        np.zeros((0, k), int), np.zeros(0),
    )  # fmt: skip


def _from_components(problem: Problem, rows: np.ndarray, workers: Workers) -> tuple[np.ndarray, np.ndarray]:
    """Maps and shares of the likeliest mixture within the principal components of rows."""
    settings = problem.settings
    space = subspace.components(
        problem.found, rows, problem.prior, plan.components(settings), settings.start,
        subspace.Cycles(plan.CYCLES, plan.STILL), plan.stream(settings, 1), workers,
    )  # fmt: skip
    best = mixture.mixture(space, settings.classes, settings.starts, plan.stream(settings, 2))
    return np.tensordot(best.centres, space.maps, 1).astype(np.float32), best.share


def _from_random(problem: Problem, rows: np.ndarray, workers: Workers) -> tuple[np.ndarray, np.ndarray]:
    """Maps and shares of the likeliest of several random starts in the start's band."""
    settings, k = problem.settings, problem.settings.classes
    runs = []
    for start in range(settings.starts):
        rng = plan.stream(settings, 3, start)
        weight = np.eye(k)[rng.permutation(len(rows)) % k]
        share = np.full(k, 1 / k)
        for iteration in range(plan.WARMING):
            maps = maximised(problem, rows, weight, settings.start, workers)
            space = subspace.spanned(problem.found, rows, maps, settings.start, workers)
            alike = (1 - plan.likeness(settings, iteration)) * np.eye(k)
            best = mixture.climbed(space, alike, share, SPANNED if iteration >= plan.WARMING // 2 else 0)
            weight, share = best.posterior, best.posterior.mean(axis=0)
        runs.append((float(best.evidence.mean()), maps, share))
    _, maps, share = max(runs, key=lambda run: run[0])
    return maps, share


def iterated(problem: Problem, state: State, workers: Workers) -> State:
    """The state after one more iteration in the whole band."""
    found, settings = problem.found, problem.settings
    rows = plan.chosen(problem.rows, settings, state.iteration)
    radius = found.images.band.radius
    best = expected(problem, rows, state.maps, state.share, radius, workers)
    weight = best.posterior
    number = weight.argmax(axis=1)
    changed = float((number != state.number[rows]).mean())
    maps = maximised(problem, rows, weight, radius, workers)
    step = replace(
        state, iteration=state.iteration + 1, maps=maps, share=weight.mean(axis=0),
        posterior=_put(state.posterior, rows, weight), evidence=_put(state.evidence, rows, best.evidence),
        number=_put(state.number, rows, number), changed=np.append(state.changed, changed),
        sizes=np.vstack([state.sizes, np.bincount(number, minlength=settings.classes)]),
    )  # fmt: skip
    return replace(step, done=plan.done(settings, step.iteration, changed, len(rows) == len(problem.rows)))


def _put(values: np.ndarray, rows: np.ndarray, new: np.ndarray) -> np.ndarray:
    out = values.copy()
    out[rows] = new
    return out


def expected(
    problem: Problem, rows: np.ndarray, maps: np.ndarray, share: np.ndarray, radius: int, workers: Workers
) -> mixture.Mixture:
    """Posteriors of images over classes that begin as maps (k, n, n, n) and may move within their span.

    Regularised maps are weaker than what they show, and those of small classes more so: as they stand, images would
    flow from strong classes to weak ones.  In the span each class takes its own strength, at no cost.
    """
    space = subspace.spanned(problem.found, rows, maps, radius, workers)
    return mixture.climbed(space, np.eye(len(maps)), share, SPANNED)


def maximised(problem: Problem, rows: np.ndarray, weight: np.ndarray, radius: int, workers: Workers) -> np.ndarray:
    """Maps (k, n, n, n) of images rows by their posterior weight (rows, k)."""
    return np.stack(list(workers.map(problem.prior.solved, summed(problem.found, rows, weight, radius, workers))))


def settled(problem: Problem, workers: Workers) -> State:
    """The last state, from a start of its own."""
    state = first_state(problem, workers)
    while not state.done:
        state = iterated(problem, state, workers)
    return state


def summed(
    found: Differences, rows: np.ndarray, weight: np.ndarray, radius: int, workers: Workers
) -> list[into.Accumulator]:
    """Closed sums of each class: images rows by their weight (rows, k)."""
    weight = np.where(weight >= LEAST, weight, 0)
    return found.sums(rows, weight, weight, radius, workers)
