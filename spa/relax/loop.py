"""Refinement over a group that a particle has only nearly.

Poses are first refined as if the particle had the whole group (the consensus: one search of its asymmetric unit);
then the symmetry is broken, and the loop goes on in the particle's own: each image is refined where its likeliest copy
is, and inserted at all copies by their posterior, which each half finds for itself.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.abinit.compact import compact
from spa.refine import loop, plan
from spa.refine.data import Images, blocks_of
from spa.refine.expectation import Poses
from spa.refine.insertion import inserted
from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa.relax.breaking import IMAGES, Start, bands, begun
from spa.relax.copies import Copies, Rest, cross_fitted, judged, residuals
from spa.relax.shared import Shared
from spa.search.images import Block
from spa.volume import insert as into
from spa.volume.masks import grown, without_dust
from spa.volume.shells import lowpass
from spa.volume.slices import reference, regridded
from spa.volume.transform import resampled, transform

FINEST = 32  # shells that tell copies apart, for a particle that takes 0.7 of the box
FOLDS = (4, 8)  # of one half, of all images
ROUNDS = (2, 8)
SMOOTH, EXTEND, EDGE = 15.0, 6.0, 12.0  # angstroms, of the mask in which copies may differ


@dataclass(frozen=True, eq=False)
class Relaxation:
    """problem: of the particle's own symmetry; group (g, 3, 3) that it nearly has; turns (c, 3, 3) to its copies there;
    focus: soft mask (box, box, box) of where copies may differ; None: wherever the consensus has density."""

    problem: Problem
    group: np.ndarray
    turns: np.ndarray
    focus: np.ndarray | None = None

    @property
    def finest(self) -> int:
        return int(round(FINEST * 0.7 / self.problem.extent))


def consensus_problem(relaxed: Relaxation, name: str) -> Problem:
    """The problem as if the particle had the whole group."""
    settings = replace(relaxed.problem.settings, operators=relaxed.group, symmetry=name)
    return replace(relaxed.problem, settings=settings)


def consensus_start(relaxed: Relaxation, start: State) -> State:
    """The state before the first iteration with maps (of every class) averaged over the group."""
    box = start.maps.shape[-1]
    small = min(box, 2 * (start.radius + 4))

    def averaged(volume: np.ndarray) -> np.ndarray:
        low = resampled(transform(volume, 1.0), small, box / small, relaxed.group)
        return regridded(low, box)

    return replace(start, maps=np.stack([np.stack([averaged(half) for half in pair]) for pair in start.maps]))


def broken(relaxed: Relaxation, state: State, rng: np.random.Generator, workers: Workers) -> Start:
    """The best start from an undecided consensus, of all bands: the one whose held-out images gain most."""
    rows = np.sort(rng.permutation(len(relaxed.problem.images))[:IMAGES])
    starts = []
    for radius in bands(relaxed.problem.extent, state.radius):
        rest, copies, consensus = _prepared(relaxed, state, rows, radius, workers)
        starts += list(begun(rest, consensus, copies, rng, workers))
    return max(starts, key=lambda start: start.gain)


def relaxed_start(
    relaxed: Relaxation, state: State, start: Start, rng: np.random.Generator, workers: Workers
) -> State:  # fmt: skip
    """An undecided consensus with its symmetry broken: half maps in which each image is at its copies."""
    rows = np.arange(len(relaxed.problem.images))
    rest, copies, _ = _prepared(relaxed, state, rows, start.radius, workers)
    _, share = judged(*rest.scored(start.volume, copies, workers.map))
    state = with_posterior(relaxed, state, share, rng, workers)
    known = relaxed.problem.prior.poses is not None
    state = replace(state, wide=True, local=known, best_shell=0, stalled=0, moved=np.pi, least=np.pi, done=False)
    halves = plan.everything(relaxed.problem)
    return _maximised(relaxed, state, workers, halves, loop.sources_of(state, workers))


def _maximised(
    relaxed: Relaxation, state: State, workers: Workers, halves: list[np.ndarray], sources: loop.Sources
) -> State:  # fmt: skip
    """The next maps; images are searched as finely as they were in the consensus, which what copies share supports."""
    smoothing = relaxed.problem.smoothing or Shared(relaxed.group, relaxed.problem.solvent, workers.map)
    problem = replace(relaxed.problem, smoothing=smoothing)
    found = loop.maximised(problem, state, workers, halves, sources)
    return replace(found, radius=state.radius, local=state.local, done=found.done and state.local)


def with_posterior(
    relaxed: Relaxation, state: State, share: np.ndarray, rng: np.random.Generator, workers: Workers
) -> State:  # fmt: skip
    """The state with the copies' posterior of all images together, from a first guess (n, c)."""
    rows = np.arange(len(relaxed.problem.images))
    found = _posterior(relaxed, state, rows, share, FOLDS[1], ROUNDS[1], rng, workers)
    return replace(state, poses=[replace(state.poses[0], weight=found)])


def iterated(relaxed: Relaxation, state: State, workers: Workers) -> State:
    """The state after one more iteration; its poses have a mode a copy, in the order of the turns."""
    problem = relaxed.problem
    halves, sources = plan.everything(problem), loop.sources_of(state, workers)
    before, copy = state.poses[0], state.poses[0].weight.argmax(axis=1)
    state = replace(state, poses=[_only(before, copy)])
    state = loop.expected(_expecting(problem, relaxed.turns, copy), state, workers, halves, sources)
    share = before.weight.copy()
    if not state.local:  # searched everywhere: each is in the copy where its pose was found
        copy = np.einsum("ncij,nij->nc", before.poses, state.poses[0].poses[:, 0]).argmax(axis=1)
        share = np.eye(len(relaxed.turns))[copy]
    moved = _at_copies(relaxed, state.poses[0], np.zeros(len(copy), int), share, copy)
    state = replace(state, poses=[moved], local=True)
    root = np.random.SeedSequence((problem.settings.seed, state.iteration, len(relaxed.turns)))
    for rows, rng in zip(halves, np.random.Generator(np.random.Philox(root)).spawn(2)):
        share[rows] = _posterior(relaxed, state, rows, share[rows], FOLDS[0], ROUNDS[0], rng, workers)
    state = replace(state, poses=[replace(moved, weight=share)])
    return _maximised(relaxed, state, workers, halves, sources)


def undecided(relaxed: Relaxation, state: State) -> State:
    """The consensus, its poses with a mode a copy, all of them alike: nothing tells them apart."""
    n, c = len(relaxed.problem.images), len(relaxed.turns)
    best = state.poses[0].weight.argmax(axis=1)
    return replace(state, poses=[_at_copies(relaxed, state.poses[0], best, np.full((n, c), 1 / c))])


def _expecting(problem: Problem, turns: np.ndarray, copy: np.ndarray) -> Problem:
    """The problem with its prior, which is on poses up to the group, about the copy (n,) of each image."""
    prior = problem.prior
    if prior.poses is None:
        return problem
    return replace(problem, prior=replace(prior, poses=prior.poses @ turns[copy]))


def _only(poses: Poses, mode: np.ndarray) -> Poses:
    """One mode (n,) of each image, with all the weight."""
    rows = np.arange(len(mode))[:, None]
    kept = (getattr(poses, name)[rows, mode[:, None]] for name in ("poses", "shifts", "logp", "weight", "root"))
    matrices, shifts, logp, weight, root = (np.array(one) for one in kept)
    return Poses(matrices, shifts, logp, np.ones_like(weight), root)


def _at_copies(
    relaxed: Relaxation, poses: Poses, mode: np.ndarray, share: np.ndarray, copy: np.ndarray | None = None
) -> Poses:  # fmt: skip
    """A mode a copy from one mode (n,) of each image, which is at copy (n,) (default: the first); shares (n, c)."""
    n, c = share.shape
    one = _only(poses, mode)
    base = one.poses[:, 0]
    if copy is not None:
        base = base @ np.swapaxes(relaxed.turns[copy], -1, -2)
    return Poses(
        base[:, None] @ relaxed.turns, np.repeat(one.shifts, c, axis=1), np.repeat(one.logp, c, axis=1), share,
        np.broadcast_to(one.root, (n, c, 5, 5)),
    )  # fmt: skip


def _posterior(
    relaxed: Relaxation, state: State, rows: np.ndarray, share: np.ndarray, folds: int, rounds: int,
    rng: np.random.Generator, workers: Workers,
) -> np.ndarray:  # fmt: skip
    """The copies' posteriors of rows (len(rows), c), from those of before, folds of the rows judging each other."""
    order = rng.permutation(len(rows))
    rest, copies, _ = _prepared(relaxed, state, rows[order], min(state.radius, relaxed.finest), workers)
    parts = [slice(int(part[0]), int(part[-1]) + 1) for part in np.array_split(np.arange(len(rows)), folds)]
    found = np.empty_like(share)
    found[order], _ = cross_fitted(rest, share[order], parts, copies, workers, rounds)
    return found


def _prepared(
    relaxed: Relaxation, state: State, rows: np.ndarray, radius: int, workers: Workers
) -> tuple[Rest, Copies, np.ndarray]:  # fmt: skip
    """What the rows' consensus leaves of them in a band, at the first copy's poses; their comparison; and it."""
    small = compact(relaxed.problem.images, radius, rows)
    poses = state.poses[0].poses[rows, 0]
    shifts = state.poses[0].shifts[rows, 0] * (small.band.box / relaxed.problem.images.band.box)
    solvent = _reduced(relaxed.problem.solvent, small.band.box)
    consensus = _consensus(small, poses, shifts, state.noise, relaxed.group, workers) * solvent
    mask = solvent * _reduced(relaxed.focus, small.band.box) if relaxed.focus is not None else None
    if mask is None:
        mask = solvent * _dense(consensus, small.pixel_size, len(relaxed.turns))
    copies = Copies(relaxed.turns, relaxed.problem.settings.operators, mask)
    if workers.engine.device is not None:
        from spa.relax import copies_cuda

        left = copies_cuda.residuals(workers.engine.device, small, poses, shifts, state.noise, consensus)
        return left, copies, consensus
    source = reference(consensus, small.band.radius)
    every = np.arange(len(rows))
    return residuals(small, every, poses, shifts, state.noise, source, workers.map), copies, consensus


def _consensus(
    images: Images, poses: np.ndarray, shifts: np.ndarray, noise: np.ndarray, group: np.ndarray, workers: Workers
) -> np.ndarray:  # fmt: skip
    """The map (box, box, box) of images at their poses, averaged over the group."""
    if workers.engine.device is not None:
        from spa.relax import copies_cuda

        whole = copies_cuda.sums(workers.engine.device, images, poses, shifts, noise, group)
    else:
        whole = _sums(images, poses, shifts, noise, group, workers)
    weight = whole.shell_weight()
    return into.solve(whole, 0.02 * weight + 1e-9 * weight.max())


def _sums(
    images: Images, poses: np.ndarray, shifts: np.ndarray, noise: np.ndarray, group: np.ndarray, workers: Workers
) -> into.Accumulator:  # fmt: skip
    band, queue = images.band, blocks_of(np.arange(len(images)))

    def made(_: int, number: int) -> tuple[Block, into.Samples]:
        rows = queue[number]
        seen = images.seen_from(rows, poses[rows])
        samples = into.Samples(np.arange(len(rows)), seen, shifts[rows], np.ones(len(rows)))
        return images.block(rows, band.radius, noise), samples

    (sums,) = inserted([queue], made, band, band.radius, workers)
    return into.symmetrised(sums, group, workers.map)


def _reduced(mask: np.ndarray, box: int) -> np.ndarray:
    """A mask on a coarser grid of the same width."""
    return np.clip(resampled(transform(mask, 1.0), box, len(mask) / box), 0, 1)


def _dense(volume: np.ndarray, pixel_size: float, copies: int) -> np.ndarray:
    """A soft mask of where a consensus has density, be it of one copy alone."""
    smooth = lowpass(volume, pixel_size, max(SMOOTH, 2 * pixel_size))
    solvent, peak = np.quantile(smooth, [0.5, 0.9995])
    spread = 1.4826 * np.median(solvent - smooth[smooth <= solvent])
    level = solvent + max(0.2 * (peak - solvent) / copies, 4 * spread)
    return grown(without_dust(smooth > level), EXTEND / pixel_size, EDGE / pixel_size)
