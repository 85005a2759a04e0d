"""The maximisation step: half maps from weighted poses, their FSC, and the noise that is left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spa.image.disc import shell_mean
from spa.refine.data import Images, blocks_of
from spa.refine.engine import Sums
from spa.refine.expectation import Poses
from spa.refine.insertion import inserted
from spa.refine.problem import GOLD, Banded, Problem, Workers, of_part
from spa.refine.solvent import noise_share, within
from spa.refine.views import in_order
from spa.search.images import Block, ramps
from spa.search.orientations import turned
from spa.volume import insert as into
from spa.volume.fsc import fsc
from spa.volume.shells import apply_radial
from spa.volume.slices import Reference, slices

LEAST_WEIGHT = 0.01  # modes below this share of the posterior are not inserted
DRAWS = 2  # antithetic poses drawn about each mode
FLOOR = 0.02  # of a shell's mean weight, added where nothing else regularises
CROWDED = 0.1  # likewise, of a refinement's half maps: what few views show is noise, and decides how far it goes


@dataclass(frozen=True, eq=False)
class Spread:
    """How modes are inserted: draws about each mode (0: the mode itself), and only the best mode or all."""

    draws: int = DRAWS
    best_only: bool = False


def samples(poses: Poses, rows: np.ndarray, spread: Spread, seed: tuple[int, ...]) -> into.Samples:
    """What to insert for a block of images; Samples.rows count within the block."""
    weight = poses.weight[rows]
    if spread.best_only:
        image, mode = np.arange(len(rows)), weight.argmax(axis=1)
        share = weight.sum(axis=1)
    else:
        image, mode = np.nonzero(weight >= LEAST_WEIGHT)
        share = weight[image, mode]
    matrix, shift = poses.poses[rows[image], mode], poses.shifts[rows[image], mode]
    if not spread.draws:
        return into.Samples(image, matrix, shift, share)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    half = rng.standard_normal((len(image), spread.draws // 2, 5))
    normal = np.concatenate([half, -half], axis=1)
    step = np.einsum("nab,ndb->nda", poses.root[rows[image], mode], normal).reshape(-1, 5)
    image, share = np.repeat(image, spread.draws), np.repeat(share / spread.draws, spread.draws)
    matrix, shift = np.repeat(matrix, spread.draws, axis=0), np.repeat(shift, spread.draws, axis=0)
    return into.Samples(image, turned(matrix, step[:, :3]), shift + step[:, 3:], share)


def accumulate(
    images: Images, poses: Poses, halves: list[np.ndarray], radius: int, noise: np.ndarray,
    spread: Spread, seed: tuple[int, ...], workers: Workers,
) -> list[into.Accumulator]:  # fmt: skip
    """Sums of each half (lists of rows) in shells up to radius; closed. The same for any number of threads."""
    queues = [blocks_of(rows) for rows in halves]

    def made(half: int, number: int) -> tuple[Block, into.Samples]:
        rows = queues[half][number]
        block = images.block(rows, radius, noise)
        found = samples(poses, rows, spread, (*seed, half, number))
        return block, replace(found, poses=block.seen_from(found.rows, found.poses))

    return inserted(queues, made, images.band, radius, workers)


def class_sums(
    problem: Problem, poses: Poses, halves: list[np.ndarray], radius: int, noise: np.ndarray, spread: Spread,
    seed: tuple[int, ...], workers: Workers,
) -> list[Sums]:  # fmt: skip
    """One class's sums of both halves over the point group; images that it has next to nothing of are left out."""
    share = poses.weight.sum(axis=1)
    taken = [rows[share[rows] > LEAST_WEIGHT] for rows in halves]
    taken = [some if len(some) else rows[:1] for some, rows in zip(taken, halves)]
    return workers.engine.accumulate(
        problem.images, poses, taken, radius, noise, spread, seed, workers, problem.settings.operators
    )


def noise_power(
    images: Images, poses: Poses, halves: list[np.ndarray], sources: list[Any], radius: int, old: np.ndarray,
    workers: Workers, most: int = 250,
) -> np.ndarray:  # fmt: skip
    """Noise power (groups, shells) of what the best poses leave, from up to `most` images a half and group.

    Shells beyond the radius keep the old power; an update moves a shell by no more than [0.7, 1.5].
    """
    parts = [
        (part, source)
        for rows, source in zip(halves, sources)
        for group in np.unique(images.group[rows])
        for part in blocks_of(in_order(rows[images.group[rows] == group][:most], poses))
    ]
    total, count = np.zeros_like(old), np.zeros(len(old))
    found = workers.looks(lambda job: workers.engine.left(images, poses, job[0], job[1], radius), parts)
    for (part, _), power in zip(parts, found):
        total[images.group[part[0]]] += power.sum(axis=0)
        count[images.group[part[0]]] += len(part)
    power = total / np.maximum(count, 1)[:, None]
    known = (np.arange(old.shape[1])[None] <= radius) & (power > 0)
    return np.where(known, np.clip(power, 0.7 * old, 1.5 * old), old)


def left(images: Images, poses: Poses, rows: np.ndarray, source: Reference, radius: int) -> np.ndarray:
    """(n, shells) mean power of rows' residuals |X - CTF P|^2 at their best poses."""
    limit = images.band.count(radius)
    kx, ky = images.band.kx[:limit], images.band.ky[:limit]
    best = poses.weight[rows].argmax(axis=1)
    seen = images.seen_from(rows, poses.poses[rows, best])
    cut = slices(source, seen, kx, ky) * images.ctf(rows, limit)[:, None]
    turn = ramps(-poses.shifts[rows, best].astype(np.float32), kx, ky, images.band.box)
    model = (cut[:, 0] + 1j * cut[:, 1]) * turn
    x = images.planes[rows, :, :limit]
    return shell_mean((x[:, 0] - model.real) ** 2 + (x[:, 1] - model.imag) ** 2, images.band)


@dataclass(frozen=True, eq=False)
class Regularised:
    """Of one class: its half maps unfiltered and regularised (without solvent), and their FSC in the solvent mask.

    share: of the noise in the solvent mask, what is where the particle is.
    """

    raw: list[np.ndarray]
    maps: list[np.ndarray]
    curve: np.ndarray
    share: float


def regularised(
    problem: Problem, sums: Sequence[Sums], workers: Workers, rest: Sequence[Sums] | None = None
) -> Regularised:
    """Half maps from the sums of both halves: by the problem's smoothing, else with the FSC as prior.

    rest: sums that lack some images: the regularised maps are of these.

    Where the particle takes only a part of the solvent mask, noise is less there than the FSC says, by that part
    (Grigorieff, Methods Enzymol. 579 (2016) 191, calls the corrected curve particle FSC). A smoothing sees what is
    inside alone: places at the particle's rim would be judged by the solvent's noise.
    """
    raw = _raw(sums, workers)
    curve = fsc(raw[0] * problem.solvent, raw[1] * problem.solvent, run=workers.map, last=sums[0].radius)
    resolution = problem.resolution(curve)
    threads = max(1, workers.threads // len(raw))
    inside = list(workers.map(lambda one: within(problem, one, resolution, threads=threads), raw))
    share = sum(noise_share(problem, one) for one in inside) / 2
    rest = rest or sums
    if problem.smoothing:
        some = _weighed(rest, curve, share, workers)
        first, second = (one * mask for one, mask in zip(some, inside))
        smoothing = problem.smoothing
        maps = list((smoothing.up_to(rest[0].radius) if isinstance(smoothing, Banded) else smoothing)(first, second))
    else:
        maps = list(workers.looks(lambda one: workers.engine.solve(one, wiener_prior(one, curve, share)), rest))
    return Regularised(raw, [one * mask for one, mask in zip(maps, inside)], curve, share)


def _raw(sums: Sequence[Sums], workers: Workers) -> list[np.ndarray]:
    """Unfiltered half maps, in which what few views show is faint, and all else as strong as it is."""

    def solved(one: Sums) -> np.ndarray:
        return workers.engine.solve(one, raw_prior(one, CROWDED)) * np.float32(1 + CROWDED)

    return list(workers.looks(solved, sums))


def _weighed(sums: Sequence[Sums], curve: np.ndarray, share: float, workers: Workers) -> list[np.ndarray]:
    """The same for a smoothing, which knows places and shells but no directions: within a shell each coefficient
    counts by its weight as in the Wiener solution, and the shell is as strong as it is."""
    floor = np.maximum(1 / np.maximum(of_part(curve, share), GOLD) - 1, CROWDED)

    def solved(one: Sums) -> np.ndarray:
        return apply_radial(workers.engine.solve(one, raw_prior(one, floor[: one.radius + 2])), 1 + floor)

    return list(workers.looks(solved, sums))


def joint_map(
    problem: Problem, sums: Sequence[Sums], found: Regularised, workers: Workers
) -> np.ndarray:
    """The map of both halves, regularised as these are; the first half's sums become those of both."""
    if problem.smoothing:
        return problem.smoothing.joint(*found.raw)
    whole = sums[0].take(sums[1])
    return workers.engine.solve(whole, wiener_prior(whole, joint_fsc(found.curve), found.share), workers.threads)


def wiener_prior(sums: Sums, curve: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Added weight of each shell 0 … radius + 1 for a signal-to-noise of FSC / (1 - FSC); none on shells 0 and 1.

    share: of the noise that the FSC has seen, what the map will keep.
    """
    shells = np.arange(sums.radius + 2)
    trusted = np.clip(curve[np.minimum(shells, len(curve) - 1)], 0.001, 0.999)
    weight = sums.shell_weight()
    prior = share * weight * (1 - trusted) / trusted
    prior[:2] = 0
    return prior + 1e-3 * weight + 1e-12 * weight.max()


def raw_prior(sums: Sums, floor: float | np.ndarray = FLOOR) -> np.ndarray:
    """Only a floor, as a part of each shell's mean weight (of all, or of each): for half maps that are compared.

    Where views crowd, a part of each shell has next to no weight. Divided by that alone its noise would outweigh all
    else that the shell holds, and the FSC tell of what no map keeps, as the Wiener solution leaves it out.
    """
    weight = sums.shell_weight()
    return floor * weight + 1e-12 * weight.max()


def joint_fsc(curve: np.ndarray) -> np.ndarray:
    """The FSC that both halves together would have with as many images again: 2 FSC / (1 + FSC)."""
    safe = np.maximum(curve, 0)
    return 2 * safe / (1 + safe)
