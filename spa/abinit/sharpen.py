"""From the map of mini-batches to poses of all images: Gauss-Newton searches, gold-standard halves, K classes.

Each class has two half maps that no image of the other half enters. An image's classes are weighed by the evidence
of their modes: height and volume of each (Laplace); a class's size speaks for nothing, or the largest would grow.
A junk class, where there is one, comes last: see `junk`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spa.abinit import junk
from spa.abinit.looks import SHARP, expected
from spa.abinit.plan import Settings
from spa.abinit.stochastic import generator, solvents
from spa.refine import maximisation
from spa.refine.classes import best_class, weighted
from spa.refine.data import Images, smooth_spectrum
from spa.refine.engine import Sums
from spa.refine.expectation import Poses
from spa.refine.problem import Workers
from spa.volume.fsc import crossing, fsc

ROUNDS = 7, 20, 40  # at most, where poses are clear, where they are not, and where rounds still gain then
MOST = (300, 600, 2000)  # images a half and class in the first rounds and in all but the last
SETTLED = 0.85  # mean weight of the best mode above which one round without gain is enough
LEFT = 0.005  # of the way to its end that expectation and maximisation may still be from it
LEAST_SHARE = 0.01  # of an image's classes, below which it is not inserted
PART = 0.5  # of the images that a class would have were all alike: fewer tell their own noise, however clear
Solved = tuple[list[Sums], np.ndarray]  # a class's sums of both halves, and their FSC
Solve = Callable[[Sums, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Classified:
    """Of every image: class (n,), its pose (n, 3, 3) and shift (n, 2) px, the class's share, the pose's weight."""

    number: np.ndarray
    poses: np.ndarray
    shifts: np.ndarray
    share: np.ndarray
    peak: np.ndarray


@dataclass(frozen=True, eq=False)
class State:
    """After a round: half maps (c, 2, n, n, n), FSC (c, n//2+1), the band, noise, class sizes; `joint` when done.

    sharpness: mean greatest weight of the images searched; clear (c,): of each class's own, within the class; shares
    (n, c) of the classes, 1 where an image was not searched; best: the best crossing of 0.143 (shell); idle: rounds
    since it grew; last: the next round takes all images and ends.
    """

    round: int
    maps: np.ndarray
    curves: np.ndarray
    radius: int
    noise: np.ndarray
    sizes: np.ndarray
    sharpness: float = 1.0
    best: int = 0
    idle: int = 0
    last: bool = False
    done: bool = False
    joint: np.ndarray | None = None
    found: Classified | None = None
    clear: np.ndarray | None = None
    shares: np.ndarray | None = None

    @property
    def clearest(self) -> float:
        """How clear the poses of the clearest class are that is no handful of images.

        Images that show nothing leave the mean over all low for ever; what halves agree in and how finely they can be
        searched is said by the particle that is found, not by them.
        """
        if self.clear is None:
            return self.sharpness
        return float(self.clear[self.sizes >= PART / len(self.sizes)].max())


@dataclass(frozen=True)
class Ends:
    """Whether a round is the last whatever it finds, whether it took all images, and whether it may be the last."""

    final: bool
    complete: bool
    ripe: bool


def first_state(
    images: Images, maps: np.ndarray, sizes: np.ndarray, band: int, noise: np.ndarray, with_junk: bool = False
) -> State:
    """Both halves begin from the same maps (c, n, n, n) of shells up to band, and a junk class made from them."""
    half = images.band.box // 2
    if with_junk:
        maps, sizes = np.append(maps, junk.blob(maps)[None], axis=0), np.append(sizes, 1 / (len(maps) + 1))
    return State(0, np.repeat(maps[:, None], 2, axis=1), np.zeros((len(maps), half + 1)),
                 min(band + 1, images.band.radius), noise, sizes / sizes.sum())  # fmt: skip


def iterated(
    images: Images, state: State, settings: Settings, seed: int, workers: Workers, gaining: bool = False
) -> State:
    """The state after one more round; the last, which has `done`, has searched every image.

    gaining: whether rounds still make images likelier that the maps have not seen. Where poses are unsure it is this
    that says when to end: what halves agree in is for long what their start has made them, and grows only when most
    images have found their way.
    """
    final = state.last or state.round + 1 >= ROUNDS[(state.sharpness < SHARP) * (1 + gaining)]
    halves, complete = _chosen(images, state, settings, seed, final)
    masks = solvents(images, settings, len(state.maps))
    every, shares = expected(images, state, settings, seed, workers, halves, masks)
    rows = np.concatenate(halves)
    peaks = [one.weight.max(axis=1) * share for one, share in zip(every, shares.T)]
    noise = _noise(images, state, every, shares, halves, masks, workers)
    state = replace(state, noise=noise, sharpness=float(np.max(peaks, axis=0)[rows].mean()),
                    clear=_clear(every, shares, rows), shares=_known(shares, rows),
                    sizes=shares[rows].mean(axis=0))  # fmt: skip
    solved = [
        _half_sums(images, state, settings, (seed, state.round, number), poses, share, halves, masks[number], workers)
        for number, (poses, share) in enumerate(zip(every[: settings.classes], shares.T))
    ]
    ripe = state.round + 1 >= least_rounds(state.clearest) and not (gaining and state.sharpness < SHARP)
    ends = Ends(final, complete, ripe)
    return _resolved(images, state, settings, solved, every, shares, ends, workers.engine.solve)


def _chosen(
    images: Images, state: State, settings: Settings, seed: int, final: bool
) -> tuple[list[np.ndarray], bool]:
    """Rows of each half, and whether these are all there are."""
    rng = generator(seed, 4)
    halves = [rng.permutation(np.flatnonzero(images.half == half)) for half in (0, 1)]
    if final:
        return [np.sort(rows) for rows in halves], True
    limit = MOST[min(state.round, len(MOST) - 1)] if state.sharpness > 0.4 else MOST[-1]
    chosen = [np.sort(rows[: limit * settings.classes]) for rows in halves]
    return chosen, sum(map(len, chosen)) == len(images)


def least_rounds(sharpness: float) -> int:
    """How many rounds it takes to come to rest where posteriors are broad.

    Each leaves of the way what is not known of the poses (Dempster, Laird & Rubin, J. R. Stat. Soc. B 39 (1977) 1), and
    the first ones have only some of the images. Until then half maps agree in what their start has made them, and
    reach the end of the band long before the particle's detail does.
    """
    return len(MOST) - 1 + int(np.ceil(np.log(LEFT) / np.log(1 - sharpness))) if 0 < sharpness < SHARP else 0


def _clear(every: list[Poses], shares: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(c,) mean weight of the best mode of each class's images, each by its share."""
    weight = np.stack([one.weight[rows].max(axis=1) for one in every], axis=1)
    return (shares[rows] * weight).sum(axis=0) / np.maximum(shares[rows].sum(axis=0), 1e-12)


def _known(shares: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Shares (n, c) of those searched; of others nothing is known, so that no class is unlikely."""
    known = np.ones_like(shares)
    known[rows] = shares[rows]
    return known


def _half_sums(
    images: Images, state: State, settings: Settings, seed: tuple[int, ...], poses: Poses, share: np.ndarray,
    halves: list[np.ndarray], mask: np.ndarray, workers: Workers,
) -> Solved:  # fmt: skip
    """One class's sums of both halves, and the FSC of what they stand for."""
    taken = [rows[share[rows] > LEAST_SHARE] for rows in halves]
    taken = [some if len(some) else rows[:1] for some, rows in zip(taken, halves)]
    band = min(max(int(1.3 * state.radius), state.radius + 6), images.band.radius)
    spread = maximisation.Spread()
    group = settings.group_of(seed[-1])
    sums = workers.engine.accumulate(
        images, weighted(poses, share), taken, band, state.noise, spread, seed, workers, group
    )
    raw = [workers.engine.solve(one, maximisation.raw_prior(one)) for one in sums]
    curve = fsc(raw[0] * mask, raw[1] * mask)
    curve[band + 1 :] = 0
    return sums, curve


def _noise(
    images: Images, state: State, every: list[Poses], shares: np.ndarray, halves: list[np.ndarray], masks: np.ndarray,
    workers: Workers,
) -> np.ndarray:  # fmt: skip
    """Noise power of what the best class and pose of each image leave."""
    merged, number = best_class(every, shares)
    rows, sources = [], []
    for c in range(len(every)):
        for half, part in enumerate(halves):
            mine = part[number[part] == c]
            if len(mine):
                rows.append(mine)
                sources.append(workers.engine.reference(state.maps[c, half] * masks[c], state.radius))
    power = maximisation.noise_power(images, merged, rows, sources, state.radius, state.noise, workers)
    return smooth_spectrum(power)


def _resolved(
    images: Images, state: State, settings: Settings, solved: list[Solved], every: list[Poses], shares: np.ndarray,
    ends: Ends, solve: Solve,
) -> State:  # fmt: skip
    """Half maps regularised by their FSC; the next band; whether that was the last round."""
    maps = np.stack(
        [[solve(one, maximisation.wiener_prior(one, curve)) for one in sums] for sums, curve in solved]
    )
    curves = np.stack([curve for _, curve in solved])
    if settings.junk:
        maps = np.append(maps, junk.blobs(maps)[None], axis=0)
    shell = min(max(crossing(curve, 0.143) for curve in curves), images.band.radius)
    idle = state.idle + 1 if shell <= state.best and state.round >= 2 else 0
    stalled = ends.ripe and idle >= (1 if state.clearest > SETTLED else 2)
    done = ends.final or (ends.complete and ends.ripe and (stalled or shell >= images.band.radius))
    state = replace(
        state, round=state.round + 1, maps=maps, curves=curves, done=done, best=max(shell, state.best),
        idle=idle, last=stalled, radius=min(shell + 2, images.band.radius),
    )  # fmt: skip
    return _finished(state, settings, solved, every, shares, solve) if done else state


def _finished(
    state: State, settings: Settings, solved: list[Solved], every: list[Poses], shares: np.ndarray, solve: Solve
) -> State:
    """The maps of all images, and what is known of each."""
    joint = []
    for sums, curve in solved:
        whole = sums[0].take(sums[1])
        joint.append(solve(whole, maximisation.wiener_prior(whole, maximisation.joint_fsc(curve))))
    if settings.junk:
        joint.append(junk.blob(np.stack(joint)))
    merged, number = best_class(every, shares)
    pick, best = np.arange(len(number)), merged.weight.argmax(axis=1)
    found = Classified(number, merged.poses[pick, best], merged.shifts[pick, best], shares[pick, number],
                       merged.weight[pick, best] * shares[pick, number])  # fmt: skip
    return replace(state, joint=np.stack(joint), found=found)
