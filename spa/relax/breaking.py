"""From a consensus that has the whole group's symmetry to a map in which one copy differs, or word that none does.

A symmetric map is a fixed point: nothing tells its copies apart. Starts are random copies; each image then goes to the
copy that a difference map of other images likes best, until few change. Starts in coarse and finer bands compete by
the likelihood of images that no start has seen: a particle that has the whole symmetry gains nothing there, whatever
noise has made of the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spa.refine.problem import Workers
from spa.relax.copies import Copies, Rest, difference, judged, together

BANDS = (8, 13, 20)  # shells, for a particle that takes 0.7 of the box
STARTS = 4  # in each band
IMAGES = 4000  # that the starts use; a quarter of them is held out
ROUNDS = 25
FOLDS = 3
SETTLED = 0.01  # share of images that change their copy
EVIDENT = 10.0  # log likelihood that held-out images must gain: by chance it is 1 or 2


@dataclass(frozen=True, eq=False)
class Start:
    """One start: the band (shells), its difference map there, what the held-out images gain, and how many they are."""

    radius: int
    volume: np.ndarray
    gain: float
    held_out: int

    @property
    def evident(self) -> bool:
        return self.gain > EVIDENT


def bands(extent: float, limit: int) -> list[int]:
    """Shells of the bands that starts are made in, for a particle that fills `extent` of the box."""
    scale = 0.7 / extent
    return sorted({min(int(round(band * scale)), limit) for band in BANDS})


def begun(rest: Rest, copies: Copies, rng: np.random.Generator, workers: Workers) -> Iterator[Start]:
    """Starts in one band, from random copies."""
    for _ in range(STARTS):
        order = rng.permutation(len(rest))
        held, folds = order[: len(rest) // 4], np.array_split(order[len(rest) // 4 :], FOLDS)
        volume = _settled([rest.of(rows) for rows in folds], copies, rng, workers)
        gain, _ = judged(*rest.of(held).scored(volume, copies, workers.map))
        yield Start(rest.radius, volume, gain, len(held))


def _settled(folds: list[Rest], copies: Copies, rng: np.random.Generator, workers: Workers) -> np.ndarray:
    """D after each image has found the copy that the other folds' D likes best."""
    choices = np.eye(len(copies.turns))
    labels = [rng.integers(len(choices), size=len(fold)) for fold in folds]
    sums = [fold.summed(choices[label], copies) for fold, label in zip(folds, labels)]
    for _ in range(ROUNDS):
        changed = 0
        for number, fold in enumerate(folds):
            volume = difference(together(sums[:number] + sums[number + 1 :]), None, copies)
            _, share = judged(*fold.scored(volume, copies, workers.map))
            found = share.argmax(axis=1)
            changed += int((found != labels[number]).sum())
            labels[number], sums[number] = found, fold.summed(choices[found], copies)
        if changed < SETTLED * sum(map(len, folds)):
            break
    return difference(together(sums), None, copies)
