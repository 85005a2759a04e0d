"""The iterations of 2-D classification: mini-batches with forgetting, then full passes.

Online EM (Cappe & Moulines, J. R. Stat. Soc. B 71 (2009) 593) over class, angle and shift (Sigworth, J. Struct.
Biol. 122 (1998) 328; Scheres, J. Mol. Biol. 348 (2005) 139), with the resolution annealed and empty classes revived
as in VDAM (Kimanius et al., Nat. Methods 21 (2024) 1216). Images are in folds and meet averages made without their
own fold, so that no image is drawn to its own noise and the likelihood is that of unseen data.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spa.class2d import average, seeds
from spa.class2d.expect import Expectation, Step
from spa.class2d.images import Images
from spa.class2d.model import Partial
from spa.class2d.plane import Plane
from spa.class2d.sampling import levels
from spa.class2d.schedule import Settings

FOLDS = 4
_TOGETHER = 2  # classes that are averaged at once
_SHARED = 1000  # images of a full class that it shares with an empty one, at most
Mapped = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
Task = tuple[int, np.ndarray | None]


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


def step(
    images: Images, settings: Settings, state: State, mapped: Mapped, expectation: Callable[..., Any] = Expectation
) -> State:  # fmt: skip
    """One iteration: averages, then the posterior of a batch, then new sums."""
    moves = state.iteration > 0 and not settings.last(state.iteration)
    state, made = shown(images, settings, state, settings.reach / 2 if moves else 0.0, mapped)
    plane = Plane(images.band.box, state.radius)
    found = int(average.resolution_shell(made.frc).max())
    target = Plane(plane.box, settings.radius(state.iteration, found))
    rows = settings.rows(state.iteration, len(images))
    work = _Pass(images, settings, state, target, expectation)
    work.over(lambda fold: plane.resized_complex(plane.grids(made.others(fold)), target), rows, mapped)
    return _renewed(settings, state, plane, target, work, len(rows) / len(images))


def shown(
    images: Images, settings: Settings, state: State, most: float = 0.0, mapped: Mapped = map
) -> tuple[State, average.Averages]:  # fmt: skip
    """The averages of a state. What they show is first moved to the centre of the box, by `most` pixels along x and y
    at most, and their images' shifts with it: the model of each image stays what it is."""
    plane = Plane(images.band.box, state.radius)
    away, sums = np.zeros((settings.classes, 2), np.float32), np.empty_like(state.sums)

    def some(classes: slice) -> average.Averages:
        sums[:, classes] = state.sums[:, classes]
        if most:
            images = average.averages(plane, sums[:, classes], settings.diameter, settings.limit).images
            seen = average.off_centre(images) * plane.box / plane.small
            away[classes] = np.clip(seen, -most, most)
            sums[:, classes] = average.moved(plane, sums[:, classes], -away[classes])
        return average.averages(plane, sums[:, classes], settings.diameter, settings.limit)

    parts = [slice(c, c + _TOGETHER) for c in range(0, settings.classes, _TOGETHER)]
    made = average.joined(list(mapped(some, parts)))
    shift = state.shift + average.turned(away[state.cls], state.psi)
    return replace(state, sums=sums, shift=shift), made


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

    def over(self, grids: Callable[[int], np.ndarray], rows: np.ndarray, mapped: Mapped) -> None:
        """Takes in the images `rows`, each fold against grids(fold) (C, cells), the averages of the others.

        The averages of a fold are turned while images of the one before it are looked at; those of two are held.
        """
        state, known = self.state, self.state.seen >= 0
        made = self.expectation(
            self.plane, self.images, self.levels, np.log(self.prior), state.variance, state.shift_sigma,
            self.settings.reach, self.window,
        )  # fmt: skip
        against: list[Future[Step]] = [Future() for _ in range(FOLDS)]
        mine = [rows[self.folds[rows] == fold] for fold in range(FOLDS)]
        blocks = [[own[i : i + made.block] for i in range(0, len(own), made.block)] for own in mine]

        def work(task: Task) -> Partial | None:
            fold, block = task
            if block is not None:
                return against[fold].result()(block, state.shift, known)
            try:
                against[fold].set_result(made.against(grids(fold)))
            except BaseException as error:
                against[fold].set_exception(error)  # or its blocks would wait for ever
                raise
            return None

        tasks = list(_interleaved(blocks))
        for (fold, block), partial in zip(tasks, mapped(work, tasks)):
            if block is not None:
                self.sums[fold] += partial.sums
                self._take(block, partial)
                if block is blocks[fold][-1]:
                    against[fold] = Future()

    def _take(self, block: np.ndarray, partial: Partial) -> None:
        self.residual += partial.residual
        self.counted += partial.counted
        self.weight += partial.occupancy.sum(0, dtype=float)
        self.squares += (partial.occupancy.astype(float) ** 2).sum(0)
        self.shift2 += float(partial.shift2.sum(dtype=float))
        for name in ("cls", "psi", "shift", "best", "gain"):
            self.rows[name][block] = getattr(partial, name)
        self.rows["seen"][block] = self.state.iteration


def _interleaved(blocks: Sequence[Sequence[np.ndarray]]) -> Iterator[Task]:
    """(fold, a block of its images), fold by fold; before those (fold, None), amid the blocks of the fold before."""
    yield 0, None
    for fold, own in enumerate(blocks):
        early = len(own) // 2 if fold else 0  # of the first two at once: there is nothing else to do as yet
        yield from ((fold, block) for block in own[:early])
        if fold + 1 < len(blocks):
            yield fold + 1, None
        yield from ((fold, block) for block in own[early:])


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
