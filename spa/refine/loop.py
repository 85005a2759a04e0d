"""Gold-standard refinement: iterations of expectation and maximisation with halves that never meet.

Both halves start from one low-passed map (Scheres & Chen, Nat. Methods 9 (2012) 853); the expectation is a search of
its own (`spa.search`), the maximisation a Wiener solution whose prior is the half maps' FSC (Scheres, J. Struct.
Biol. 180 (2012) 519).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np

from spa.refine import classes, drift, expectation, frame, halfmaps, maximisation, moves, near, plan, recognised, scales
from spa.refine.data import Images, smooth_spectrum
from spa.refine.expectation import Poses, Task
from spa.refine.plan import Halves
from spa.refine.problem import Problem, Workers
from spa.refine.settings import searches
from spa.refine.states import State
from spa.refine.views import in_order
from spa.refine.whole import deviations
from spa.search import orientations
from spa.search.newton import Modes
from spa.search.prior import Prior
from spa.volume import fsc
from spa.volume.shells import lowpass
from spa.volume.slices import reference, slices

Look = Callable[[np.ndarray], Modes]
OUTLIER = 5.0
FAINTEST = 1e-4  # of the noise: signal that a start is taken to have at least
TRUSTED, LEAST_SHELL = 0.5, 4  # FSC of shells whose power is compared with the images', and as many at least
MOST = 500  # images a half that it is
Sources = list[list[Any]]  # the engine's references, of each class, of each half


def first_state(problem: Problem, starts: Sequence[np.ndarray], noise: np.ndarray) -> State:
    """Before the first iteration: low-passed starts, each the same for both halves, in the images' grey scale.

    starts (box, box, box) of each class; noise (groups, shells): power of the background. Where the prior has poses,
    these are where the first iteration begins.
    """
    images, settings = problem.images, problem.settings
    noise = smooth_spectrum(noise)
    radius = images.shell_of(settings.lowpass)
    low = [lowpass(start, 1.0, len(start) / radius) for start in starts]
    low = [one * np.float32(grey_scale(images, one, radius, noise)) * problem.solvent for one in low]
    n, known = len(images), problem.prior.poses is not None
    return State(
        0, np.repeat(np.stack(low)[:, None], 2, axis=1), np.zeros((len(low), images.band.box // 2 + 1)),
        min(radius + plan.BEYOND, images.band.radius), noise, [_first_poses(problem) for _ in low],
        np.full((n, len(low)), 1 / len(low)), np.full(n, known), np.full(n, known), np.full(n, -np.inf), noise,
        local=known,
    )  # fmt: skip


def _first_poses(problem: Problem) -> Poses:
    prior = problem.prior
    if prior.poses is None:
        return expectation.no_poses(len(problem.images))
    return expectation.given_poses(prior.poses, prior.centres)


def grey_scale(images: Images, volume: np.ndarray, radius: int, noise: np.ndarray, most: int = 1000) -> float:
    """The factor that gives the volume the signal's power in the images: no alignment is needed.

    a^2 = sum over shells (<|X|^2> / s^2 - 1) / sum <CTF^2> / s^2 <|V|^2>, the mean over images whose power is not far
    beyond most images' (ice, edges and aggregates have far more).
    """
    rows = np.arange(len(images))[:: max(1, len(images) // most)]
    block = images.block(rows, radius, noise)
    views = orientations.directions(0.5)
    cut = slices(reference(volume, radius), orientations.frames(views, np.zeros(len(views))), block.kx, block.ky)
    signal = (cut[:, 0] ** 2 + cut[:, 1] ** 2).mean(axis=0)
    used = images.band.shell[: len(block.kx)] >= 2
    excess = ((block.x[:, 0] ** 2 + block.x[:, 1] ** 2)[:, used] - 1).sum(axis=1, dtype=np.float64)
    expected = (block.ctf**2).mean(axis=0) * signal
    power = max(excess[ordinary(excess)].mean(), FAINTEST * np.count_nonzero(used))
    return float(np.sqrt(power / expected[used].sum()))


def ordinary(power: np.ndarray) -> np.ndarray:
    """(n,) whether the power of an image is within OUTLIER standard deviations, by the median's, of most images'."""
    middle = np.median(power)
    return power - middle <= OUTLIER * 1.4826 * np.median(np.abs(power - middle))


def iterated(problem: Problem, state: State, workers: Workers) -> State:
    """The state after one more iteration; the last has `done`, with its half maps and their joint maps."""
    problem = scales.seen(problem, state)
    halves, sources, climbed = plan.chosen(problem, state), sources_of(state, workers), state.local
    state = plan.advanced(problem, expected(problem, state, workers, halves, sources), halves)
    parts, share = plan.parted(problem, state), sum(map(len, halves)) / len(problem.images)
    state = left_over(problem, state, workers, halves, sources)
    sources.clear()  # the sums take their room
    state = drift.without(problem, state) if climbed else state
    draws = halfmaps.draws(problem, state) if climbed else 0
    found = halfmaps.summed(problem, state, workers, parts, share, draws)
    found = in_one_frame(problem, state, found, workers, parts, share, draws)
    if not found.done:
        return _slim(found)
    sources = sources_of(found, workers)
    last, means = at_rest(problem, found, workers, sources) if found.local else (found, found.poses)
    last = weighed(problem, last, workers, sources)
    sources.clear()
    if draws:
        last = replace(last, halves=None, joint=None)
        tops = replace(found, radius=state.radius, halves=None, joint=None)
        last = halfmaps.undrawn(problem, tops, last, workers, parts, share)
    return replace(last, poses=means)


def in_one_frame(
    problem: Problem, state: State, found: State, workers: Workers, parts: Halves, share: float, draws: int = 0
) -> State:
    """The state found with its maps, from the one before; or that of poses in one frame, if halves have come apart.

    Halves that were looked at and have one frame are in question again when they agree less than they did then.
    """
    if problem.prior.poses is not None:  # they are where the prior has them
        return found
    known = frame.kept(problem, found.curve)
    found = replace(found, agreed=max(known, state.agreed))
    if not frame.in_question(state, found, known):
        return found
    least = known  # as they lie; more, where they are laid on each other
    for look in (frame.shared, frame.started):
        assert found.halves is not None
        laid = look(problem, state, found.halves[0], workers.map)
        if laid is not None:
            state, found, least = laid, halfmaps.summed(problem, laid, workers, parts, share, draws), state.agreed
    return replace(found, agreed=max(frame.kept(problem, found.curve), least))


def weighed(problem: Problem, state: State, workers: Workers, sources: Sources) -> State:
    """The state whose evidence for the particle in each image is that over random patterns, too, how far each is from
    showing all of its map, and how much of the power of those that surely show it the maps explain."""
    problem = scales.seen(problem, state)
    joint = (state.maps[0] * problem.solvent).mean(axis=0)[None]
    evidence = recognised.over_patterns(problem.images, joint, state.evidence, state.radius, state.noise, workers)
    shown = [rows[evidence[rows] > recognised.SURE][:MOST] for rows in plan.everything(problem)]
    part = explained(problem, state, shown, workers)
    away = deviations(problem, state, workers, sources)
    return replace(state, evidence=evidence, explained=part, threshold=recognised.threshold(evidence), whole=away)


def explained(problem: Problem, state: State, rows: Halves, workers: Workers) -> float:
    """Of the power that some rows of each half have over the noise around them, what their half's map has at their
    poses, in the shells that it can be trusted in; of images in the scales that they have."""
    maps = state.maps[0] * problem.solvent
    shell = min(max(fsc.crossing(state.curve, TRUSTED), LEAST_SHELL), state.radius)
    return recognised.explained(problem.images, state.poses[0], rows, maps, shell, state.background, workers)


def at_rest(problem: Problem, state: State, workers: Workers, sources: Sources) -> tuple[State, list[Poses]]:
    """The last state with its poses climbed in its own maps, not in those of the iteration before; and their means,
    which lie nearer to the truth than these tops, but whose maps are a little fainter."""
    problem, halves = scales.seen(problem, state), plan.everything(problem)
    found = replace(expected(problem, state, workers, halves, sources), iteration=state.iteration)
    return found, _centred(problem, found, workers, halves, sources)


def _centred(problem: Problem, state: State, workers: Workers, halves: Halves, sources: Sources) -> list[Poses]:
    """The state's poses with each image's best mode at its mean."""
    prior, reach = plan.shift_prior(problem, state)
    found = [replace(one, poses=one.poses.copy(), shifts=one.shifts.copy()) for one in state.poses]
    for pair, tops, means in zip(sources, state.poses, found):
        best = tops.weight.argmax(axis=1)
        jobs = [
            (part, partial(expectation.means, _task(problem, state, source, prior, reach, workers), tops, part))
            for rows, source in zip(halves, pair)
            for part in workers.engine.blocks(problem.images, in_order(rows, tops), state.radius)
        ]
        for part, (poses, shifts) in _done(workers, jobs):
            means.poses[part, best[part]], means.shifts[part, best[part]] = poses, shifts
    return found


def _task(problem: Problem, state: State, source: Any, prior: Prior, reach: float, workers: Workers) -> Task:
    return Task(
        problem.images, source, state.radius, state.noise, problem.settings.operators, prior, problem.extent, reach,
        workers.engine,
    )  # fmt: skip


def sources_of(state: State, workers: Workers) -> Sources:
    """What each half of each class is searched against."""
    return [list(workers.looks(lambda one: workers.engine.reference(one, state.radius), pair)) for pair in state.maps]


def maximised(problem: Problem, state: State, workers: Workers, halves: Halves, sources: Sources) -> State:
    """The state with the noise and the maps of its poses, and with what the next iteration does; sources go."""
    share = sum(map(len, halves)) / len(problem.images)
    state = left_over(problem, state, workers, halves, sources)
    sources.clear()  # the sums take their room
    return _slim(halfmaps.summed(problem, state, workers, halves, share))


def _slim(state: State) -> State:
    """Unfiltered half maps are of use until the next iteration begins, or in the last."""
    return state if state.done else replace(state, halves=None)


def left_over(problem: Problem, state: State, workers: Workers, halves: Halves, sources: Sources) -> State:
    """The state with the grey scales, and the noise, that its poses leave of what they were searched against."""
    explained = _explained(state, halves, sources)
    state = scales.fitted(problem, state, workers, explained)
    return replace(state, noise=_noise(scales.seen(problem, state), state, workers, explained))


def expected(problem: Problem, state: State, workers: Workers, halves: Halves, sources: Sources) -> State:
    """The state with new poses for the rows of each half, searched in every class against its own half's reference."""
    images, settings = problem.images, problem.settings
    root = np.random.SeedSequence((settings.seed, state.iteration + 1))
    streams = iter(np.random.Generator(np.random.Philox(root)).spawn(len(halves) * len(sources)))
    before = moves.Before.of(state)
    prior, reach = plan.shift_prior(problem, state)
    logs = np.full(state.shares.shape, -np.inf)
    for number, (pair, poses) in enumerate(zip(sources, state.poses)):
        tasks = [_task(problem, state, source, prior, reach, workers) for source in pair]
        wanted = [_looks(task, state, poses, rows, rng) for task, rows, rng in zip(tasks, halves, streams)]
        for some in zip_longest(*wanted):
            for part, modes in _found(workers, images, state.radius, filter(None, some)):
                poses.write(part, modes)
                logs[part, number] = classes.evidence(modes) if len(sources) > 1 else 0.0
    rows, shares = np.concatenate(halves), state.shares.copy()
    shares[rows] = classes.shares(logs[rows])
    passes = state.passes + len(rows) / len(images)
    found = replace(state, shares=shares, iteration=state.iteration + 1, passes=passes)
    evidence = state.evidence.copy()
    own = 0.0
    if state.iteration and len(rows) == len(images):  # else they were spared
        inside, views = (state.maps != 0).mean(), len(settings.operators) * len(rows) / 2
        own = recognised.own_noise(state.curve, state.radius, float(inside), views)
    evidence[rows] = recognised.evidence(found.best()[0], prior, len(settings.operators), own)[rows]
    step = searches(problem.extent, state.radius)[1].step
    found = replace(found, evidence=evidence, likelier=moves.likelier(state, evidence, rows))
    return moves.measured(found, rows, before, step, settings.operators)


def _looks(
    task: Task, state: State, poses: Poses, rows: np.ndarray, rng: np.random.Generator
) -> list[tuple[np.ndarray, Callable[[], Look]]]:
    """Images, and what makes ready to search them: from their last modes, around the poses that are expected, or
    everywhere; that is wide where posteriors are broad, but for images that have settled."""
    if state.local:
        return [(in_order(rows, poses), lambda: expectation.local_pass(task, poses))]
    if task.prior.poses is not None:
        return [(rows, lambda: near.near_pass(task))]
    wide = state.wide & ~state.settled[rows]
    return [
        (some, partial(expectation.wide_pass, task, search, rng, poses))
        for some, search in zip((rows[~wide], rows[wide]), searches(task.extent, state.radius))
        if len(some)
    ]


def _found(
    workers: Workers, images: Images, radius: int, wanted: Iterable[tuple[np.ndarray, Callable[[], Look]]]
) -> Iterator[tuple[np.ndarray, Modes]]:
    """Blocks of rows and their modes; of both halves in one go, so that no thread waits for the others between them."""
    rows, ready = zip(*wanted)
    looks = workers.looks(lambda one: one(), ready)
    jobs = [
        (part, partial(look, part))
        for some, look in zip(rows, looks)
        for part in workers.engine.blocks(images, some, radius)
    ]
    yield from _done(workers, jobs)


def _done(workers: Workers, jobs: Sequence[tuple[np.ndarray, Callable[[], Any]]]) -> Iterator[tuple[np.ndarray, Any]]:
    """Blocks of rows, and what is found of each."""
    return zip((part for part, _ in jobs), workers.looks(lambda job: job[1](), jobs))


def _explained(state: State, halves: Halves, sources: Sources) -> scales.Parts:
    """Rows of each half that show the particle, by their best class, with the reference of that."""
    number, shown = state.best()[1], halfmaps.shown(state).sum(axis=1) > 0.5
    shown |= not shown[np.concatenate(halves)].any()
    parts = [
        (rows[(number[rows] == place) & shown[rows]], source)
        for place, pair in enumerate(sources)
        for rows, source in zip(halves, pair)
    ]
    return [(rows, source) for rows, source in parts if len(rows)]


def _noise(problem: Problem, state: State, workers: Workers, parts: scales.Parts) -> np.ndarray:
    """Noise power of what the best class and pose of each image leave."""
    best = state.best()[0]
    power = maximisation.noise_power(
        problem.images, best, [rows for rows, _ in parts], [source for _, source in parts], state.radius, state.noise,
        workers,
    )  # fmt: skip
    return smooth_spectrum(power)
