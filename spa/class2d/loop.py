"""The iterations of 2-D classification: mini-batches with forgetting, then full passes.

Online EM (Cappe & Moulines, J. R. Stat. Soc. B 71 (2009) 593) over class, angle and shift (Sigworth, J. Struct.
Biol. 122 (1998) 328; Scheres, J. Mol. Biol. 348 (2005) 139), with the resolution annealed and empty classes revived
as in VDAM (Kimanius et al., Nat. Methods 21 (2024) 1216). Images are in folds and meet averages made without their
own fold, so that no image is drawn to its own noise and the likelihood is that of unseen data.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spa.class2d import average, seeds
from spa.class2d.expect import Expectation
from spa.class2d.images import Images
from spa.class2d.model import Partial
from spa.class2d.plane import Plane
from spa.class2d.sampling import levels
from spa.class2d.schedule import Settings

FOLDS = 4
_SHARED = 1000  # images of a full class that it shares with an empty one, at most
Mapped = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True)
class State:
    """What an iteration leaves: enough to go on from, and all that is written at the end.

    sums (F, C, cells, 3) of a plane of `radius` shells; prior (C,) and effective (C,) share and effective number of
    images of the classes; variance (groups, shells); shift_sigma pixels. Of each image: cls, psi (radians), shift
    (n, 2) pixels, posterior `best`, `gain` in log-likelihood, and the iteration it was last seen in (-1: never).
    """

    iteration: int
    radius: int
    sums: np.ndarray
    prior: np.ndarray
    effective: np.ndarray
    variance: np.ndarray
    shift_sigma: float
    cls: np.ndarray
    psi: np.ndarray
    shift: np.ndarray
    best: np.ndarray
    gain: np.ndarray
    seen: np.ndarray


def fold_of(n: int, seed: int = 0) -> np.ndarray:
    """(n,) the fold of each image, drawn: the order of a table may mean something."""
    return seeds.rng(seed, 4).permutation(n) % FOLDS


def start(images: Images, settings: Settings, variance: np.ndarray) -> State:
    """Averages of random images; variance (groups, shells) of a complex coefficient of the noise."""
    n, classes, first = len(images), settings.classes, settings.first
    sums = seeds.random_sums(images, fold_of(n, settings.seed), FOLDS, classes, first, variance, settings.seed)
    return State(
        0, first, sums, np.full(classes, 1 / classes), np.full(classes, n / classes), variance, settings.reach / 2,
        np.zeros(n, np.int32), np.zeros(n, np.float32), np.zeros((n, 2), np.float32), np.zeros(n, np.float32),
        np.zeros(n), np.full(n, -1, np.int32),
    )  # fmt: skip


def iterations(
    images: Images, settings: Settings, state: State, mapped: Mapped, expectation: Callable[..., Any] = Expectation
) -> Iterator[State]:  # fmt: skip
    """The state after each further iteration. mapped: map(work, blocks) with the results in the blocks' order;

    expectation: `spa.class2d.expect.Expectation`, or its twin on a device.
    """
    while state.iteration < settings.iterations:
        state = step(images, settings, state, mapped, expectation)
        yield state


def averages(images: Images, settings: Settings, state: State) -> average.Averages:
    """The averages of a state."""
    plane = Plane(images.band.box, state.radius)
    return average.averages(plane, state.sums, settings.diameter, settings.limit)


def step(
    images: Images, settings: Settings, state: State, mapped: Mapped, expectation: Callable[..., Any] = Expectation
) -> State:  # fmt: skip
    """One iteration: averages, then the posterior of a batch, then new sums."""
    state, made = _centred(images, settings, state)
    plane = Plane(images.band.box, state.radius)
    shown = int(average.resolution_shell(made.frc).max())
    target = Plane(plane.box, settings.radius(state.iteration, shown))
    rows = settings.rows(state.iteration, len(images))
    work = _Pass(images, settings, state, target, expectation)
    others = mapped(lambda fold: plane.resized_complex(plane.grids(made.others(fold)), target), range(FOLDS))
    for fold, grids in enumerate(list(others)):
        work.fold(fold, grids, rows, mapped)
    return _renewed(settings, state, plane, target, work, len(rows) / len(images))


def _centred(images: Images, settings: Settings, state: State) -> tuple[State, average.Averages]:
    """The state with its averages moved to the centre of the box, and the averages; not in the full passes."""
    if state.iteration == 0 or settings.last(state.iteration):
        return state, averages(images, settings, state)
    state = centred(images, settings, state, settings.reach / 2)
    return state, averages(images, settings, state)


def centred(images: Images, settings: Settings, state: State, most: float) -> State:
    """The state with what its averages show moved to the centre of the box, by at most that (pixels, x and y), and its
    images' shifts with it: the model of each image stays what it is."""
    plane = Plane(images.band.box, state.radius)
    made = averages(images, settings, state)
    away = average.off_centre(made.images) * plane.box / plane.small
    away = np.clip(away, -most, most).astype(np.float32)
    moved = average.moved(plane, state.sums, -away)
    return replace(state, sums=moved, shift=state.shift + average.turned(away[state.cls], state.psi))


class _Pass:
    """The sums of one iteration, gathered fold by fold and block by block, in their order."""

    def __init__(
        self, images: Images, settings: Settings, state: State, plane: Plane, expectation: Callable[..., Any]
    ) -> None:
        self.images, self.settings, self.state, self.plane = images, settings, state, plane
        self.expectation = expectation
        classes, it = settings.classes, state.iteration
        self.folds = fold_of(len(images), settings.seed)
        self.sums = np.zeros((FOLDS, classes, plane.cells, 3), np.float32)
        self.residual, self.counted = np.zeros_like(state.variance), np.zeros_like(state.variance)
        self.weight, self.squares, self.shift2 = np.zeros(classes), np.zeros(classes), 0.0
        self.rows = {
            name: getattr(state, name).copy() for name in ("cls", "psi", "shift", "best", "gain", "seen")
        }  # fmt: skip
        offset = seeds.rng(settings.seed, 1, it).uniform()
        self.levels = levels(plane.box, settings.diameter, plane.radius, settings.reach, offset)
        settled = settings.annealed(it) >= 0.5 and it != settings.iterations - settings.full
        self.window = 3 * self.levels[0].step if settled else np.inf
        self.prior = state.prior if settings.annealed(it) >= 1 else np.full(classes, 1 / classes)

    def fold(self, fold: int, grids: np.ndarray, rows: np.ndarray, mapped: Mapped) -> None:
        """The images of a fold, against averages (C, cells) of the others."""
        state, images = self.state, self.images
        made = self.expectation(
            self.plane, images, grids, self.levels, np.log(self.prior), state.variance, state.shift_sigma,
            self.settings.reach, self.window,
        )  # fmt: skip
        mine = rows[self.folds[rows] == fold]
        blocks = [mine[i : i + made.block] for i in range(0, len(mine), made.block)]
        known = state.seen >= 0
        for block, partial in zip(blocks, mapped(lambda b: made(b, state.shift, known), blocks)):
            self.sums[fold] += partial.sums
            self._take(block, partial)

    def _take(self, block: np.ndarray, partial: Partial) -> None:
        self.residual += partial.residual
        self.counted += partial.counted
        self.weight += partial.occupancy.sum(0, dtype=float)
        self.squares += (partial.occupancy.astype(float) ** 2).sum(0)
        self.shift2 += float(partial.shift2.sum(dtype=float))
        for name in ("cls", "psi", "shift", "best", "gain"):
            self.rows[name][block] = getattr(partial, name)
        self.rows["seen"][block] = self.state.iteration


def _renewed(s: Settings, old: State, plane: Plane, target: Plane, work: _Pass, share: float) -> State:
    """The next state: sums with the older ones fading, priors, noise, spread of shifts; empty classes revived."""
    whole = share >= 1 or old.iteration == 0
    keep = 0.0 if whole else 1 - max(0.3, share)
    seen = work.weight.sum()
    prior = work.weight + 0.05 * seen / s.classes + old.prior * seen * keep / (1 - keep)
    sums = work.sums if whole else np.float32(keep) * plane.resized(old.sums, target) + work.sums
    prior /= prior.sum()
    if s.moving(old.iteration):
        sums, prior = _revived(work, sums, prior)
    return State(
        old.iteration + 1, target.radius, sums, prior, work.weight**2 / np.maximum(work.squares, 1e-9),
        _noise(old.variance, work.residual, work.counted),
        float(np.clip(np.sqrt(work.shift2 / seen / 2), 1.0, s.reach)), **work.rows,
    )  # fmt: skip


def _revived(work: _Pass, sums: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Full classes share the images that are known to be theirs with nearly empty ones, by lot."""
    cls, seen, generator = work.rows["cls"], work.rows["seen"], seeds.rng(work.settings.seed, 3, work.state.iteration)
    for rich, poor in seeds.pairs(prior):
        mine = generator.permutation(np.flatnonzero((cls == rich) & (seen >= 0)))[:_SHARED]
        for c, rows in ((rich, np.sort(mine[0::2])), (poor, np.sort(mine[1::2]))):
            sums[:, c] = seeds.assigned_sums(
                work.images, rows, work.folds[rows], FOLDS, work.plane, work.state.variance,
                work.rows["psi"][rows], work.rows["shift"][rows],
            )  # fmt: skip
        prior[rich] = prior[poor] = (prior[rich] + prior[poor]) / 2
    return sums, prior


def _noise(variance: np.ndarray, residual: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Residual power where there is enough of it, changed by no more than a third at a time."""
    found = np.where(counted > 500, residual / np.maximum(counted, 1), variance)
    return np.clip(found, 0.7 * variance, 1.4 * variance)
