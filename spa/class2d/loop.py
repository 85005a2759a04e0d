"""The iterations of 2-D classification: mini-batches with forgetting, then full passes.

Online EM (Cappe & Moulines, J. R. Stat. Soc. B 71 (2009) 593) with the annealing of resolution and temperature, the
pseudo-halves and the revival of empty classes that VDAM (Kimanius et al., Nat. Methods 21 (2024) 1216) showed to matter.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spa.class2d import average, kernels
from spa.class2d.average import Averages
from spa.class2d.expect import expect
from spa.class2d.model import Partial, model
from spa.class2d.images import Particles
from spa.class2d.plane import Plane, turns
from spa.class2d.sampling import levels

BLOCK = 256
Work = Callable[[np.ndarray], Partial]
Mapped = Callable[[Work, Sequence[np.ndarray]], Iterable[Partial]]


@dataclass(frozen=True)
class Settings:
    """classes; diameter and reach in pixels; limit: last shell used; first: shell at the start."""

    classes: int
    diameter: float
    reach: float
    first: int
    limit: int
    iterations: int
    full: int
    batch: int
    seed: int


@dataclass
class State:
    """What an iteration leaves: enough to go on from, and all that is written at the end."""

    iteration: int
    radius: int
    sums: np.ndarray  # (2, C, cells, 3)
    prior: np.ndarray  # (C,)
    variance: np.ndarray  # (groups, shells)
    shift_sigma: float
    cls: np.ndarray
    psi: np.ndarray
    shift: np.ndarray
    best: np.ndarray
    gain: np.ndarray
    seen: np.ndarray  # iteration of the last look at an image, -1 never
    effective: np.ndarray  # (C,) effective number of images
    averages: Averages | None = None


def rng(seed: int, *keys: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=keys)))


def start(particles: Particles, settings: Settings, variance: np.ndarray) -> State:
    """Averages of random subsets, unaligned."""
    n, classes = len(particles), settings.classes
    plane = Plane(particles.band.box, settings.first)
    count = particles.band.count(settings.first)
    sums = np.zeros((2, classes, plane.cells, 3), np.float32)
    generator = rng(settings.seed, 0)
    chosen = generator.permutation(n)[: min(n, 100 * classes)]
    psi = generator.uniform(0, 2 * np.pi, classes * 2)
    for half in (0, 1):
        mine = chosen[particles.half[chosen] == half]
        for cls in range(classes):
            rows = np.sort(mine[cls::classes])
            if not len(rows):
                continue
            c = particles.ctf(rows, count)
            inverse = 1 / variance[particles.group[rows]][:, particles.band.shell[:count]]
            x = particles.coefficients[rows, :, :count]
            column = np.stack([(x[:, 0] * c * inverse).sum(0), (x[:, 1] * c * inverse).sum(0), (c * c * inverse).sum(0)])
            turn = turns(plane, particles.band, count, psi[cls : cls + 1])
            kernels.scatter(column.astype(np.float32), sums[half, cls], turn.index[0], turn.fx[0], turn.fy[0], turn.sign[0], plane.columns)
    return State(
        0, settings.first, sums, np.full(classes, 1 / classes), variance, settings.reach / 2,
        np.zeros(n, np.int32), np.zeros(n, np.float32), np.zeros((n, 2), np.float32), np.zeros(n, np.float32),
        np.zeros(n), np.full(n, -1, np.int32), np.full(classes, float(n) / classes),
    )  # fmt: skip


def iterate(particles: Particles, settings: Settings, state: State, mapped: Mapped) -> Iterator[State]:
    """The states after each further iteration."""
    while state.iteration < settings.iterations:
        state = step(particles, settings, state, mapped)
        yield state


def step(particles: Particles, settings: Settings, state: State, mapped: Mapped) -> State:
    s, it = settings, state.iteration
    plane = Plane(particles.band.box, state.radius)
    made = average.averages(plane, state.sums, s.diameter, s.limit)
    last = it >= s.iterations - s.full
    # centring
    sums = state.sums
    if it > 0 and not last:
        away = np.clip(average.off_centre(made.images) * plane.box / plane.small, -s.reach / 2, s.reach / 2)
        sums = average.moved(plane, sums, -away)
        state = replace(state, shift=state.shift - away[state.cls].astype(np.float32))
        made = average.averages(plane, sums, s.diameter, s.limit)
    anneal = min(1.0, it / max(1.0, 0.6 * (s.iterations - s.full)))
    radius = _radius(s, made, anneal, state.radius)
    target = Plane(plane.box, radius)
    grids = _regrid(plane, target, made.images)
    generator = rng(s.seed, 1, it)
    level = levels(plane.box, s.diameter, radius, s.reach, generator.uniform(), finest=1.0)
    temperature = 1.0 + (TEMPERATURE - 1) * (1 - anneal)
    prior = state.prior if anneal >= 1 else np.full(s.classes, 1 / s.classes)
    window = 3 * level[0].step if anneal >= 0.5 and it != s.iterations - s.full else np.inf
    m = model(target, particles, grids, level, np.log(prior), state.variance, state.shift_sigma, s.reach, window, temperature)
    rows = _batch(particles, s, it, last)
    blocks = [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]
    new = replace(
        state, iteration=it + 1, radius=radius, cls=state.cls.copy(), psi=state.psi.copy(), shift=state.shift.copy(),
        best=state.best.copy(), gain=state.gain.copy(), seen=state.seen.copy(),
    )  # fmt: skip
    total = np.zeros((2, s.classes, target.cells, 3), np.float32)
    residual, counted = np.zeros_like(state.variance), np.zeros_like(state.variance)
    weight, squares, shift2 = np.zeros(s.classes), np.zeros(s.classes), 0.0
    for block, partial in zip(blocks, mapped(lambda block: expect(particles, block, m, state.shift, state.seen >= 0), blocks)):
        total += partial.sums
        residual += partial.residual
        counted += partial.counted
        weight += partial.occupancy.sum(0, dtype=float)
        squares += (partial.occupancy.astype(float) ** 2).sum(0)
        shift2 += float(partial.shift2.sum())
        new.cls[block], new.psi[block], new.shift[block] = partial.cls, partial.psi, partial.shift
        new.best[block], new.gain[block], new.seen[block] = partial.best, partial.gain, it
    forget = 1.0 if len(rows) == len(particles) else max(0.3, len(rows) / len(particles))
    if it == 0 or last:
        forget = 1.0
    share = len(rows) * (1 - forget) / forget
    new.sums = plane.resized(sums, target) * np.float32(1 - forget) + total
    new.prior = (weight + 0.5 * len(rows) / s.classes * 0.1 + state.prior * share) 
    new.prior = new.prior / new.prior.sum()
    new.effective = weight**2 / np.maximum(squares, 1e-9)
    new.shift_sigma = float(np.clip(np.sqrt(shift2 / len(rows) / 2), 1.0, s.reach))
    new.variance = _noise(state.variance, residual, counted)
    new.averages = None
    if last or not REVIVE or anneal >= 1:
        return new
    return _revive(new, s, it)


TEMPERATURE = 1.0
REVIVE = True


def _radius(s: Settings, made: Averages, anneal: float, now: int) -> int:
    """Band of the next iteration: as annealing allows, and a margin beyond what any class shows."""
    allowed = s.first * (s.limit / s.first) ** anneal
    shown = int(np.max(average.resolution_shell(made.frc)))
    return int(np.clip(min(allowed, max(shown + 3, 1.2 * shown)), s.first, s.limit))


def _regrid(plane: Plane, target: Plane, images: np.ndarray) -> np.ndarray:
    """Grids of the target's band of masked images of another."""
    grids = plane.grids(images)
    pairs = np.stack([grids.real, grids.imag], -1)
    out = plane.resized(pairs, target)
    return (out[..., 0] + 1j * out[..., 1]).astype(np.complex64)


def _batch(particles: Particles, s: Settings, it: int, last: bool) -> np.ndarray:
    """Rows of this iteration: a run through a fresh permutation of all, epoch by epoch."""
    n = len(particles)
    size = n if last else min(n, s.batch)
    if size == n:
        return np.arange(n)
    first = it * size
    rows = []
    while len(rows) < size:
        epoch, at = divmod(first + len(rows), n)
        rows.extend(rng(s.seed, 2, epoch).permutation(n)[at : at + size - len(rows)].tolist())
    return np.sort(np.unique(rows))


def _noise(variance: np.ndarray, residual: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Residual power where there is enough of it, changed by at most a third at a time."""
    found = np.where(counted > 500, residual / np.maximum(counted, 1), variance)
    return np.clip(found, 0.7 * variance, 1.4 * variance)


def _revive(state: State, s: Settings, it: int) -> State:
    """Classes with a tenth of their share take one pseudo-half of the largest ones, which keep the other."""
    order = np.argsort(-state.prior, kind="stable")
    poor = [c for c in order[::-1] if state.prior[c] < 0.15 / s.classes]
    for rich, c in zip(order, poor):
        if state.prior[rich] < 1.5 / s.classes:
            break
        a, b = state.sums[0, rich].copy(), state.sums[1, rich].copy()
        state.sums[:, rich] = 0.5 * a
        state.sums[:, c] = 0.5 * b
        state.prior[rich] = state.prior[c] = (state.prior[rich] + state.prior[c]) / 2
    return state
