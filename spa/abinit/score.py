"""Which of several maps is right: the likelihood of images that no map was made from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from spa.abinit import batch, shape
from spa.abinit.plan import Settings, finest
from spa.abinit.stochastic import generator, searched, solvents
from spa.image.disc import shell_mean
from spa.refine.data import Images, ordinary
from spa.refine.problem import ALONE, Workers
from spa.search import orientations

MOST = 400  # images held out
LAST = 3  # steps that tell how fast a start gains
MORE = 2.0  # times that fast it is taken to go on: gains shrink, but for the rare start that finds its way late
GAIN = 0.01  # log units an image, or of several classes' evidence the part, where that is more: less is none


def held_out(images: Images, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows to learn from, rows held out): a tenth, at most 400, is held out; both without what is `glaring`."""
    order = generator(seed, 2).permutation(np.flatnonzero(~glaring(images)))
    count = min(MOST, len(order) // 10)
    return np.sort(order[count:]), np.sort(order[:count])


def glaring(images: Images) -> np.ndarray:
    """(n,) bool: images with far more power than most in two shells or more: ice, edges, aggregates.

    Their evidence is huge, whatever the map, and would drown that of the others.
    """
    parts = np.array_split(np.arange(len(images)), max(1, len(images) // 1000))
    power = np.concatenate([shell_mean((images.planes[part] ** 2).sum(axis=1), images.band) for part in parts])
    return (~ordinary(power, images.band)[:, 1:]).sum(axis=1) >= 2


@dataclass(frozen=True)
class Scale:
    """What evidence is taken in: shells of the images, and a grid's step (radians). Others' cannot be compared."""

    band: int
    step: float

    def with_others(self, others: "Iterable[Scale]") -> "Scale":
        """One that has the details of all."""
        every = [self, *others]
        return Scale(max(one.band for one in every), min(one.step for one in every))


def scale(settings: Settings, side: float, bands: tuple[int, ...]) -> Scale:
    """For classes with so many shells, in a box of a side (angstroms)."""
    return Scale(max(bands), finest(settings, side, bands))


def gained(now: float, best: float, classes: int) -> bool:
    """Whether held-out evidence is more than it was.

    That of several classes comes and goes by a hundredth of it, with what the last batches brought each of them.
    """
    least = abs(best) if classes > 1 and np.isfinite(best) else 1.0
    return now > best + GAIN * max(1.0, least)


def evidence(
    images: Images, maps: np.ndarray, sizes: np.ndarray, noise: np.ndarray, settings: Settings, rows: np.ndarray,
    scale: Scale, bands: tuple[int, ...] = (), workers: Workers = ALONE,
) -> tuple[float, float]:  # fmt: skip
    """Mean log evidence of rows over every pose and class (c, n, n, n), and mean greatest weight.

    bands: the shells that each map has, where these are fewer; sizes (c,) of the classes.
    """
    found, peaks = logs(
        images, maps * solvents(images, settings), noise, settings, rows, scale, bands or (scale.band,) * len(maps),
        workers,
    )  # fmt: skip
    return float(np.logaddexp.reduce(found + np.log(sizes + 1e-12), axis=1).mean()), float(peaks.mean())


def logs(
    images: Images, maps: np.ndarray, noise: np.ndarray, settings: Settings, rows: np.ndarray, scale: Scale,
    bands: tuple[int, ...], workers: Workers = ALONE,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Log evidence (rows, c) over every pose in maps (c, n, n, n) of so many shells, and greatest weights (rows,).

    Maps are taken in the grey scale that they have: what is faint in one, as little is known of it, promises little.
    """
    poses = orientations.grid(scale.step, settings.operators, generator(3))
    bands = tuple(min(band, scale.band) for band in bands)
    within = np.stack([shape.banded(one, band) for one, band in zip(maps, bands)])
    return batch.evidence(images, rows, within, noise, searched(images, settings, poses, bands), workers)


def shown(
    images: Images, maps: np.ndarray, number: np.ndarray, noise: np.ndarray, settings: Settings, scale: Scale,
    bands: tuple[int, ...], workers: Workers = ALONE,
) -> np.ndarray:  # fmt: skip
    """(n,) how much likelier each image is with the map of its class number (n,) than with none, over all poses.

    maps (c, 2, n, n, n): of each half; an image is held against that of the other, which it never entered: noise that
    has made itself a map gains nothing by it.
    """
    found = np.zeros(len(images))
    for c, band in enumerate(bands):
        for half in (0, 1):
            rows = np.flatnonzero((number == c) & (images.half == half))
            if len(rows):
                other = maps[c, 1 - half][None]
                found[rows] = logs(images, other, noise, settings, rows, scale, (band,), workers)[0][:, 0]
    return found


def hopeless(told: Sequence[float], left: int, leader: float) -> bool:
    """Whether a start is too far behind to come up with a leader's evidence: not in the steps that are left, though
    each brings MORE times what the LAST ones have brought. told: its evidence so far, a step each."""
    if len(told) <= LAST:
        return False
    rate = max(0.0, (max(told[-LAST:]) - max(told[:-LAST])) / LAST)
    return max(told) + MORE * rate * left < leader
