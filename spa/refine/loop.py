"""Gold-standard refinement: iterations of expectation and maximisation with halves that never meet.

The plan (global searches until poses settle, then local ones; the band follows the half maps' FSC) is that of
Scheres & Chen, Nat. Methods 9 (2012) 853, on a search of its own: see `spa.search`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from spa.refine import expectation, maximisation
from spa.refine.data import Images, smooth_spectrum
from spa.refine.expectation import Poses, Run, Task
from spa.refine.settings import Search, Settings, searches
from spa.search import orientations
from spa.volume import insert as into
from spa.volume.fsc import crossing, fsc
from spa.volume.masks import soft_sphere
from spa.volume.slices import reference, slices

SETTLED = 0.02  # share of images that move by more than two steps in a global pass, below which it has settled
SHARP = 0.85  # mean share of the best mode in the posterior, below which the search must be wide
PATIENCE = 3  # iterations without gain before a run that never settles is stopped
SUBSETS = (300, 600)  # images a half in the first iterations, while posteriors are sharp


@dataclass(frozen=True, eq=False)
class State:
    """What an iteration leaves: enough to go on from.

    maps: the regularised half maps; curve: FSC of the half maps in the particle's sphere; radius: the band (shells);
    moved: median turn (radians) of the images searched; wandering: share that moved more than two grid steps.
    """

    iteration: int
    maps: list[np.ndarray]
    curve: np.ndarray
    radius: int
    noise: np.ndarray
    poses: Poses
    searched: np.ndarray
    wide: bool = False
    local: bool = False
    best_shell: int = 0
    stalled: int = 0
    moved: float = np.pi
    wandering: float = 1.0
    sharpness: float = 0.0
    shift_sigma: float = 0.0
    done: bool = False
    halves: list[np.ndarray] = field(default_factory=list)
    joint: np.ndarray | None = None


def _sphere(images: Images, settings: Settings, mask: np.ndarray | None) -> np.ndarray:
    radius = settings.diameter / 2 / images.pixel_size
    box = images.band.box
    return soft_sphere(box, min(radius, box / 2 - 4), 4) if mask is None else mask


def first_state(images: Images, start: np.ndarray, noise: np.ndarray, settings: Settings) -> State:
    """The state before the first iteration: one low-passed start for both halves, in the images' grey scale."""
    noise = smooth_spectrum(noise)
    radius = images.shell_of(settings.lowpass)
    low = _lowpassed(start, radius)
    low = low * grey_scale(images, low, radius, noise)
    n = len(images)
    return State(
        0, [low, low], np.zeros(images.band.box // 2 + 1), radius + 2, noise, expectation.no_poses(n),
        np.zeros(n, bool), shift_sigma=settings.shift_range / 2.5 / images.pixel_size,
    )  # fmt: skip


def _lowpassed(volume: np.ndarray, radius: int) -> np.ndarray:
    from spa.volume.shells import lowpass

    return lowpass(volume, 1.0, len(volume) / radius)


def grey_scale(images: Images, volume: np.ndarray, radius: int, noise: np.ndarray, most: int = 1000) -> float:
    """The factor that gives the volume the signal's power in the images: no alignment is needed.

    a^2 = sum over shells (<|X|^2> / s^2 - 1) / sum <CTF^2> / s^2 <|V|^2>.
    """
    rows = np.arange(len(images))[:: max(1, len(images) // most)]
    block = images.block(rows, radius, noise)
    views = orientations.frames(orientations.directions(0.5), np.zeros(len(orientations.directions(0.5))))
    cut = slices(reference(volume, radius), views, block.kx, block.ky)
    signal = (cut[:, 0] ** 2 + cut[:, 1] ** 2).mean(axis=0)
    used = images.band.shell[: len(block.kx)] >= 2
    excess = (block.x[:, 0] ** 2 + block.x[:, 1] ** 2).mean(axis=0) - 1
    expected = (block.ctf**2).mean(axis=0) * signal
    ratio = excess[used].sum() / expected[used].sum()
    return float(np.sqrt(max(ratio, 1e-4)))


def iterations(
    images: Images, state: State, settings: Settings, run: Run = map, threads: int = 1, mask: np.ndarray | None = None,
    centres: np.ndarray | None = None,
) -> Iterator[State]:  # fmt: skip
    """States after each iteration; the last has `done`, and its halves and joint map."""
    solvent = _sphere(images, settings, mask)
    centres = np.zeros((len(images), 2)) if centres is None else centres
    while not state.done:
        state = _iterated(images, state, settings, run, threads, solvent, centres)
        yield state


def _iterated(images, state, settings, run, threads, solvent, centres) -> State:
    number = state.iteration + 1
    halves = _chosen(images, state, settings)
    sources = list(run(lambda volume: reference(volume * solvent, state.radius), state.maps))
    state = _expect(images, state, settings, run, halves, sources, centres, number)
    noise = maximisation.noise_power(images, state.poses, halves, sources, state.radius, state.noise)
    state = replace(state, noise=smooth_spectrum(noise))
    band = min(max(int(1.3 * state.radius), state.radius + 8, 16), images.band.radius)
    spread = maximisation.Spread(best_only=state.sharpness < 0.5)
    sums = maximisation.accumulate(
        images, state.poses, halves, band, state.noise, spread, (settings.seed, number), run, threads
    )
    sums = [into.symmetrised(one, settings.operators, run) for one in sums]
    return _resolved(images, state, settings, run, sums, solvent, halves, number)


def _chosen(images: Images, state: State, settings: Settings) -> list[np.ndarray]:
    """Rows of each half in this iteration: a random subset at first, all later."""
    rng = np.random.Generator(np.random.Philox(settings.seed))
    halves = [rng.permutation(np.flatnonzero(images.half == h)) for h in (0, 1)]
    sharp = state.iteration == 0 or state.sharpness > SHARP
    limit = SUBSETS[state.iteration] if state.iteration < len(SUBSETS) and sharp else len(images)
    return [np.sort(rows[:limit]) for rows in halves]


def _expect(images, state, settings, run, halves, sources, centres, number) -> State:
    extent = min(0.95, settings.diameter / (images.band.box * images.pixel_size))
    search = searches(extent, state.radius)[int(state.wide)]
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence((settings.seed, number, 7))))
    seeds = rng.spawn(2)
    before = state.poses.poses[np.arange(len(images)), state.poses.weight.argmax(axis=1)]
    known = state.searched.copy()
    for rows, source, stream in zip(halves, sources, seeds):
        task = Task(images, source, state.radius, state.noise, settings.operators, state.shift_sigma, centres, extent)
        queue = expectation.blocks_of(rows)
        if state.local:
            found = run(lambda part, task=task: expectation.search_locally(task, part, state.poses), queue)
        else:
            grid = expectation.grid_columns(task, search, stream)
            reach = settings.shift_range / images.pixel_size
            found = run(
                lambda part, task=task, grid=grid: expectation.search_globally(task, part, search, grid, reach), queue
            )
        for part, modes in zip(queue, found):
            state.poses.write(part, modes)
    rows = np.concatenate(halves)
    return _measured(state, rows, before, known, search, settings)


def _measured(state: State, rows, before, known, search: Search, settings: Settings) -> State:
    """How sharp the posteriors are and how far poses moved; known: which rows had a pose before."""
    searched = known.copy()
    searched[rows] = True
    sharpness = float(state.poses.weight[rows].max(axis=1).mean())
    again = rows[known[rows]]
    moved, wandering = np.pi, 1.0
    if len(again):
        now = state.poses.poses[again, state.poses.weight[again].argmax(axis=1)]
        turn = orientations.angles_between(before[again], now, settings.operators)
        moved, wandering = float(np.median(turn)), float((turn > 2 * search.step).mean())
    return replace(state, searched=searched, sharpness=sharpness, moved=moved, wandering=wandering)


def _resolved(images, state, settings, run, sums, solvent, halves, number) -> State:
    """FSC of the new half maps, the maps regularised by it, and what the next iteration does."""
    raw = list(run(lambda one: into.solve(one, maximisation.raw_prior(one)), sums))
    curve = fsc(raw[0] * solvent, raw[1] * solvent)
    curve[sums[0].radius + 1 :] = 0
    maps = list(run(lambda one: into.solve(one, maximisation.wiener_prior(one, curve)), sums))
    shell = min(crossing(curve, 0.143), sums[0].radius)
    complete = sum(map(len, halves)) == len(images)
    gained = shell > state.best_shell
    stalled = 0 if gained or not complete else state.stalled + 1
    local = state.local or (complete and stalled > 0 and state.wandering < SETTLED)
    wide = state.wide or (not local and (state.sharpness < SHARP or stalled > 0))
    step = 0.1 / max(shell * settings.diameter / (2 * images.band.box * images.pixel_size), 1)
    done = number >= settings.iterations or (state.local and stalled > 0 and state.moved < step) or stalled > PATIENCE
    state = replace(
        state, iteration=number, maps=maps, curve=curve, radius=min(shell + 2, images.band.radius), wide=wide,
        local=local, best_shell=max(shell, state.best_shell), stalled=stalled, done=done,
    )  # fmt: skip
    if done:
        whole = maximisation.joined(*sums)
        joint = into.solve(whole, maximisation.wiener_prior(whole, 2 * curve / (1 + np.maximum(curve, 0) + 1e-9)))
        state = replace(state, halves=raw, joint=joint)
    return state
