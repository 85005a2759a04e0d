"""Gold-standard refinement: iterations of expectation and maximisation with halves that never meet.

Both halves start from one low-passed map (Scheres & Chen, Nat. Methods 9 (2012) 853); the expectation is a search of
its own (`spa.search`), the maximisation a Wiener solution whose prior is the half maps' FSC (Scheres, J. Struct.
Biol. 180 (2012) 519).
"""

from dataclasses import replace

import numpy as np

from spa.refine import expectation, maximisation, plan
from spa.refine.data import Images, smooth_spectrum
from spa.refine.expectation import Task
from spa.refine.problem import Problem, Workers
from spa.refine.settings import Search, searches
from spa.refine.states import State
from spa.search import orientations
from spa.volume import insert as into
from spa.volume.fsc import fsc
from spa.volume.shells import lowpass
from spa.volume.slices import Reference, reference, slices


def first_state(problem: Problem, start: np.ndarray, noise: np.ndarray) -> State:
    """Before the first iteration: one low-passed start for both halves, in the images' grey scale.

    start (box, box, box); noise (groups, shells): power of the background.
    """
    images, settings = problem.images, problem.settings
    noise = smooth_spectrum(noise)
    radius = images.shell_of(settings.lowpass)
    low = lowpass(start, 1.0, len(start) / radius)
    low = low * np.float32(grey_scale(images, low, radius, noise))
    n = len(images)
    return State(
        0, [low, low], np.zeros(images.band.box // 2 + 1), min(radius + plan.BEYOND, images.band.radius), noise,
        expectation.no_poses(n), np.zeros(n, bool), settings.shift_range / 2.5 / images.pixel_size,
    )  # fmt: skip


def grey_scale(images: Images, volume: np.ndarray, radius: int, noise: np.ndarray, most: int = 1000) -> float:
    """The factor that gives the volume the signal's power in the images: no alignment is needed.

    a^2 = sum over shells (<|X|^2> / s^2 - 1) / sum <CTF^2> / s^2 <|V|^2>.
    """
    rows = np.arange(len(images))[:: max(1, len(images) // most)]
    block = images.block(rows, radius, noise)
    views = orientations.directions(0.5)
    cut = slices(reference(volume, radius), orientations.frames(views, np.zeros(len(views))), block.kx, block.ky)
    signal = (cut[:, 0] ** 2 + cut[:, 1] ** 2).mean(axis=0)
    used = images.band.shell[: len(block.kx)] >= 2
    excess = (block.x[:, 0] ** 2 + block.x[:, 1] ** 2).mean(axis=0) - 1
    expected = (block.ctf**2).mean(axis=0) * signal
    return float(np.sqrt(max(excess[used].sum() / expected[used].sum(), 1e-4)))


def iterated(problem: Problem, state: State, workers: Workers) -> State:
    """The state after one more iteration; the last has `done`, with its half maps and their joint map."""
    images, number = problem.images, state.iteration + 1
    halves = plan.chosen(problem, state)
    sources = list(workers.map(lambda volume: reference(volume * problem.solvent, state.radius), state.maps))
    state = replace(_expected(problem, state, workers, halves, sources, number), iteration=number)
    noise = maximisation.noise_power(images, state.poses, halves, sources, state.radius, state.noise, workers)
    state = replace(state, noise=smooth_spectrum(noise))
    spread = maximisation.Spread(best_only=state.sharpness < 0.5)
    sums = maximisation.accumulate(
        images, state.poses, halves, plan.insertion_band(problem, state.radius), state.noise, spread,
        (problem.settings.seed, number), workers,
    )  # fmt: skip
    sums = [into.symmetrised(one, problem.settings.operators, workers.map) for one in sums]
    return _resolved(problem, state, workers, sums, complete=sum(map(len, halves)) == len(images))


def _expected(
    problem: Problem, state: State, workers: Workers, halves: list[np.ndarray], sources: list[Reference], number: int
) -> State:
    """The state with new poses for the rows of each half, searched against its own reference."""
    images, settings = problem.images, problem.settings
    search = searches(problem.extent, state.radius)[int(state.wide)]
    streams = np.random.Generator(np.random.Philox(np.random.SeedSequence((settings.seed, number)))).spawn(len(halves))
    before = state.poses.best()
    for rows, source, stream in zip(halves, sources, streams):
        task = Task(
            images, source, state.radius, state.noise, settings.operators, state.shift_sigma, problem.centres,
            problem.extent, settings.shift_range / images.pixel_size,
        )  # fmt: skip
        queue = expectation.blocks_of(rows)
        look = expectation.local_pass(task, state.poses) if state.local else expectation.wide_pass(task, search, stream)
        for part, modes in zip(queue, workers.map(look, queue)):
            state.poses.write(part, modes)
    return _measured(state, np.concatenate(halves), before, search, settings.operators)


def _measured(state: State, rows: np.ndarray, before: np.ndarray, search: Search, operators: np.ndarray) -> State:
    """How sharp the posteriors of rows are, and how far from `before` (n, 3, 3) the poses moved that were there."""
    searched = state.searched.copy()
    searched[rows] = True
    sharpness = float(state.poses.weight[rows].max(axis=1).mean())
    again = rows[state.searched[rows]]
    moved, wandering = np.pi, 1.0
    if len(again):
        turn = orientations.angles_between(before[again], state.poses.best()[again], operators)
        moved, wandering = float(np.median(turn)), float((turn > 2 * search.step).mean())
    return replace(state, searched=searched, sharpness=sharpness, moved=moved, wandering=wandering)


def _resolved(problem: Problem, state: State, workers: Workers, sums: list[into.Accumulator], complete: bool) -> State:
    """FSC of the new half maps, the maps regularised by it, and what the next iteration does."""
    raw = list(workers.map(lambda one: into.solve(one, maximisation.raw_prior(one)), sums))
    curve = fsc(raw[0] * problem.solvent, raw[1] * problem.solvent)
    curve[sums[0].radius + 1 :] = 0
    maps = list(workers.map(lambda one: into.solve(one, maximisation.wiener_prior(one, curve)), sums))
    shell = min(plan.reach(curve), sums[0].radius)
    state = plan.decided(problem, replace(state, maps=maps, curve=curve), shell, complete)
    if not state.done:
        return state
    whole = maximisation.joined(*sums)
    joint = into.solve(whole, maximisation.wiener_prior(whole, maximisation.joint_fsc(curve)))
    return replace(state, halves=raw, joint=joint)
