"""From a consensus that has the whole group's symmetry to a map in which one copy differs, or word that none does.

A symmetric map is a fixed point: nothing tells its copies apart. Starts are random copies; each image is then shared
out among its copies as a difference map of other images leans, softly, until few change (deterministic annealing;
Ueda & Nakano, Neural Networks 11 (1998) 271). Shares that are nearly linear in the scores make it a power iteration for
what explains most; choices of the best copy would stay with the noise of the start where copies are many or images
weak. Starts in coarse and finer bands compete by the likelihood of images that no start has seen: a particle that has
the whole symmetry gains nothing there, whatever noise has made of the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spa.refine.problem import Workers
from spa.relax.copies import Copies, Rest, difference, judged, shared_out, together

BANDS = (8, 13, 20)  # shells, for a particle that takes 0.7 of the box
STARTS = 2  # in each band
IMAGES = 4000  # that the starts use; a quarter of them is held out
ROUNDS = 100
FOLDS = 3
SETTLED = 0.005  # share of images that change their likeliest copy
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
    """D after each image has been shared out among its copies as the other folds' D leans."""
    choices = np.eye(len(copies.turns))
    shares = [choices[rng.integers(len(choices), size=len(fold))] for fold in folds]
    sums = [fold.summed(share, copies) for fold, share in zip(folds, shares)]
    for _ in range(ROUNDS):
        changed = 0
        for number, fold in enumerate(folds):
            volume = difference(together(sums[:number] + sums[number + 1 :]), None, copies)
            found = _leaning(fold.scored(volume, copies, workers.map)[0])
            changed += int((found.argmax(axis=1) != shares[number].argmax(axis=1)).sum())
            shares[number], sums[number] = found, fold.summed(found, copies)
        if changed < SETTLED * sum(map(len, folds)):
            break
    return difference(together(sums), None, copies)


def _leaning(cross: np.ndarray) -> np.ndarray:
    """Shares (n, c) of copies from their cross terms with D, taken so small that these vary by 1 from copy to copy."""
    lean = cross - cross.mean(axis=1, keepdims=True)
    return shared_out(lean / (lean.std() + 1e-300))
