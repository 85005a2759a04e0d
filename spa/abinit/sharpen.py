"""From the map of mini-batches to poses of all images: Gauss-Newton searches, gold-standard halves, K classes.

Each class has two half maps that no image of the other half enters. An image's classes are weighed by the evidence
of their modes: height and volume of each (Laplace).
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.abinit import shape
from spa.abinit.plan import Settings, extent_of
from spa.abinit.stochastic import generator, solvent
from spa.refine import expectation, maximisation
from spa.refine.data import Images, smooth_spectrum
from spa.refine.expectation import Poses, Task
from spa.refine.problem import Workers
from spa.refine.settings import searches
from spa.search.newton import Modes
from spa.volume import insert as into
from spa.volume.fsc import crossing, fsc
from spa.volume.slices import reference

ROUNDS = 7
MOST = (300, 600, 2000)  # images a half and class in the first rounds and in all but the last
SHARP = 0.6  # mean weight of the best mode below which the wide search is taken
LEAST_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Classified:
    """What is known of every image: class (n,), its pose (n, 3, 3), shift (n, 2) px, share of the class, best weight."""

    number: np.ndarray
    poses: np.ndarray
    shifts: np.ndarray
    share: np.ndarray
    peak: np.ndarray


@dataclass(frozen=True, eq=False)
class State:
    """After a round: half maps (c, 2, n, n, n), FSC (c, n//2+1), the band, noise, class sizes; `joint` maps at the end."""

    round: int
    maps: np.ndarray
    curves: np.ndarray
    radius: int
    noise: np.ndarray
    sizes: np.ndarray
    sharpness: float = 1.0
    best: int = 0
    done: bool = False
    joint: np.ndarray | None = None
    found: Classified | None = None


def first_state(images: Images, maps: np.ndarray, sizes: np.ndarray, band: int, noise: np.ndarray) -> State:
    """Both halves begin from the same maps (c, n, n, n) of shells up to band."""
    half = images.band.box // 2
    return State(0, np.repeat(maps[:, None], 2, axis=1), np.zeros((len(maps), half + 1)),
                 min(band + 1, images.band.radius), noise, sizes)  # fmt: skip


def _chosen(images: Images, state: State, settings: Settings, seed: int) -> tuple[list[np.ndarray], bool]:
    """Rows of each half, and whether these are all there are."""
    rng = generator(seed, 4)
    halves = [rng.permutation(np.flatnonzero(images.half == half)) for half in (0, 1)]
    limit = MOST[min(state.round, len(MOST) - 1)] if state.sharpness > 0.4 else MOST[-1]
    last = state.round + 1 >= ROUNDS or state.best < 0
    if last:
        return [np.sort(rows) for rows in halves], True
    chosen = [np.sort(rows[: limit * settings.classes]) for rows in halves]
    return chosen, sum(map(len, chosen)) == len(images)


def iterated(images: Images, state: State, settings: Settings, seed: int, workers: Workers) -> State:
    """The state after one more round; the last, which has `done`, has searched every image."""
    halves, complete = _chosen(images, state, settings, seed)
    mask = solvent(images, settings)
    every, shares = _expected(images, state, settings, seed, workers, halves, mask)
    rows = np.concatenate(halves)
    sharpness = float(np.max([(one.weight.max(axis=1) * share)[rows] for one, share in zip(every, shares.T)], 0).mean())
    noise = _noise(images, state, every, shares, halves, mask, workers)
    state = replace(state, noise=noise, sharpness=sharpness, sizes=shares[rows].mean(axis=0))
    band = min(max(int(1.3 * state.radius), state.radius + 6), images.band.radius)
    spread = maximisation.Spread(best_only=settings.classes == 1 and sharpness < 0.5)
    solved = []
    for number, (poses, share) in enumerate(zip(every, shares.T)):
        taken = [part[share[part] > LEAST_SHARE] for part in halves]
        taken = [part if len(part) else full[:1] for part, full in zip(taken, halves)]
        weighted = replace(poses, weight=poses.weight * share[:, None])
        sums = maximisation.accumulate(
            images, weighted, taken, band, noise, spread, (seed, state.round, number), workers
        )
        sums = [into.symmetrised(one, settings.operators, workers.map) for one in sums]
        raw = [into.solve(one, maximisation.raw_prior(one)) for one in sums]
        curve = fsc(raw[0] * mask, raw[1] * mask)
        curve[band + 1 :] = 0
        solved.append((sums, curve))
    return _resolved(images, state, settings, solved, every, shares, complete)


def _expected(images, state, settings, seed, workers, halves, mask) -> tuple[list[Poses], np.ndarray]:
    """Modes of every image in each class, and each class's share (n, c) of the image."""
    extent = extent_of(settings.diameter, images.band.box, images.pixel_size)
    search = searches(extent, state.radius)[int(state.sharpness < SHARP)]
    reach = settings.shift_range / images.pixel_size
    every, logs = [], np.full((len(images), settings.classes), -np.inf)
    for number in range(settings.classes):
        poses = expectation.no_poses(len(images))
        for half, rows in enumerate(halves):
            source = reference(state.maps[number, half] * mask, state.radius)
            task = Task(images, source, state.radius, state.noise, settings.operators, reach / 2.5,
                        np.zeros((len(images), 2)), extent, reach)  # fmt: skip
            look = expectation.wide_pass(task, search, generator(seed, 5, state.round, number, half))

            queue = expectation.blocks_of(rows)
            for part, modes in zip(queue, workers.map(look, queue)):
                poses.write(part, modes)
                logs[part, number] = _evidence(modes)
        every.append(poses)
    logs += np.log(state.sizes + 1e-6)
    top = logs.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        share = np.where(np.isfinite(top), np.exp(logs - np.where(np.isfinite(top), top, 0)), 0)
    return every, share / np.maximum(share.sum(axis=1, keepdims=True), 1e-12)


def _evidence(modes: Modes) -> np.ndarray:
    """(n,) log of the sum of the modes' heights times volumes."""
    there = modes.logp > -np.inf
    volume = -0.5 * np.linalg.slogdet(np.where(there[..., None, None], modes.hessian, np.eye(5)))[1]
    score = np.where(there, modes.logp + volume, -np.inf)
    top = score.max(axis=1)
    return top + np.log(np.exp(score - top[:, None]).sum(axis=1))


def _merged(every: list[Poses], shares: np.ndarray) -> tuple[Poses, np.ndarray]:
    """For each image the modes of its best class, and the class."""
    number = shares.argmax(axis=1)
    pick = np.arange(len(number))
    parts = [np.stack([getattr(one, name) for one in every])[number, pick] for name in
             ("poses", "shifts", "logp", "weight", "root")]  # fmt: skip
    return Poses(*parts), number


def _noise(images, state, every, shares, halves, mask, workers) -> np.ndarray:
    merged, number = _merged(every, shares)
    rows, sources = [], []
    for c in range(len(every)):
        for half, part in enumerate(halves):
            mine = part[number[part] == c]
            if len(mine):
                rows.append(mine)
                sources.append(reference(state.maps[c, half] * mask, state.radius))
    return smooth_spectrum(maximisation.noise_power(images, merged, rows, sources, state.radius, state.noise, workers))


def _resolved(images, state, settings, solved, every, shares, complete) -> State:
    """Half maps regularised by their FSC; the next band; whether that was the last round."""
    maps = np.stack([[into.solve(one, maximisation.wiener_prior(one, curve)) for one in sums] for sums, curve in solved])
    curves = np.stack([curve for _, curve in solved])
    shell = min(max(crossing(curve, 0.143) for curve in curves), images.band.radius)
    last = state.round + 1 >= ROUNDS or state.best < 0
    stalled = shell <= state.best and state.round >= 2
    done = last or (complete and (stalled or shell >= images.band.radius))
    best = -1 if stalled and not done else max(shell, state.best)
    state = replace(state, round=state.round + 1, maps=maps, curves=curves, best=best, done=done,
                    radius=min(shell + 2, images.band.radius))  # fmt: skip
    return _finished(state, settings, solved, every, shares) if done else state


def _finished(state, settings, solved, every, shares) -> State:
    joint = []
    for sums, curve in solved:
        whole = maximisation.joined(*sums)
        joint.append(into.solve(whole, maximisation.wiener_prior(whole, maximisation.joint_fsc(curve))))
    merged, number = _merged(every, shares)
    pick, best = np.arange(len(number)), merged.weight.argmax(axis=1)
    found = Classified(number, merged.poses[pick, best], merged.shifts[pick, best], shares[pick, number],
                       merged.weight[pick, best] * shares[pick, number])  # fmt: skip
    return replace(state, joint=np.stack(joint), found=found)


def power_after(images: Images, state: State, rows: np.ndarray) -> np.ndarray:
    """(shells,) the signal's power by the refined noise."""
    return shape.signal_power(images, rows, state.noise, np.ones((len(rows), 1)))[0]
