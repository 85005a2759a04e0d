"""From a consensus that has the whole group's symmetry to a map in which one copy differs, or word that none does.

A symmetric map is a fixed point: nothing tells its copies apart. Starts are copies that a part of the map would tell
apart, were it missing in one (`parts`), and random copies. Each image is then shared out among its copies as a
difference map of other images has it. From random copies it leans, softly, until few change (deterministic annealing;
Ueda & Nakano, Neural Networks 11 (1998) 271): shares that are nearly linear in the scores make it a power iteration for
what explains most; choices of the best copy would stay with the noise of the start where copies are many or images
weak. Starts in coarse and finer bands compete by the likelihood of images that no start has seen: a particle that has
the whole symmetry gains nothing there, whatever noise has made of the others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from spa.refine.problem import Workers
from spa.relax.copies import Copies, Rest, difference, judged, shared_out, together
from spa.relax.parts import guesses

BANDS = (8, 13, 20)  # shells, for a particle that takes 0.7 of the box
STARTS = 2  # from random copies in each band
GUESSED = 2  # from parts of the map, the likeliest
IMAGES = 4000  # that the starts use; a quarter of them is held out
ROUNDS = 100
FOLDS = 3
SETTLED = 0.005  # share of images that change their likeliest copy
EVIDENT = 10.0  # log likelihood that held-out images must gain: by chance it is 1 or 2
SPAN, RISE = 5, 0.01  # rounds, and the share of what a start gains in its folds that it must still win in them


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


def begun(
    rest: Rest, consensus: np.ndarray, copies: Copies, rng: np.random.Generator, workers: Workers
) -> Iterator[Start]:
    """Starts in one band, from parts of the consensus (box, box, box) and from random copies."""
    order = rng.permutation(len(rest))
    held = rest.of(order[: len(rest) // 4])
    folds = [rest.of(rows) for rows in np.array_split(order[len(rest) // 4 :], FOLDS)]
    for volume in [
        *_from_parts(folds, consensus, copies, rng, workers),
        *(_settled(folds, _random(folds, copies, rng), _leaning, copies, workers) for _ in range(STARTS)),
    ]:
        gain, _ = judged(*held.scored(volume, copies, workers.map))
        yield Start(rest.radius, volume, gain, len(held))


def _from_parts(
    folds: list[Rest], consensus: np.ndarray, copies: Copies, rng: np.random.Generator, workers: Workers
) -> Iterator[np.ndarray]:
    """D from the likeliest guesses, each in its own part of the map: elsewhere it would be noise of many copies."""
    tried = []
    for guess in guesses(consensus, copies, rng):
        scores = [judged(*fold.scored(guess.volume, copies, workers.map)) for fold in folds]
        tried.append((sum(gain for gain, _ in scores), guess.part, [share for _, share in scores]))
    tried.sort(key=lambda one: one[0], reverse=True)
    for _, part, shares in tried[:GUESSED]:
        within = replace(copies, mask=copies.mask * part)
        yield _settled(folds, shares, judged, within, workers)


def _random(folds: list[Rest], copies: Copies, rng: np.random.Generator) -> list[np.ndarray]:
    choices = np.eye(len(copies.turns))
    return [choices[rng.integers(len(choices), size=len(fold))] for fold in folds]


def _settled(
    folds: list[Rest], shares: list[np.ndarray], shared: Callable[..., tuple[float, np.ndarray]], copies: Copies,
    workers: Workers,
) -> np.ndarray:  # fmt: skip
    """D after each image, from shares (n, c) of each fold, has been shared out as the other folds' D says.

    shared: of cross terms and norms what D gains, and the shares. What counts is the gain in images that D is not made
    of: D itself, and choices between copies that are nearly as likely, go on changing long after that has come to rest.
    A start that gains nothing evident yet is on its way.
    """
    sums = [fold.summed(share, copies) for fold, share in zip(folds, shares)]
    gains: list[float] = []
    for _ in range(ROUNDS):
        changed, gained = 0, 0.0
        for number, fold in enumerate(folds):
            volume = difference(together(sums[:number] + sums[number + 1 :]), None, copies)
            more, found = shared(*fold.scored(volume, copies, workers.map))
            gained += more
            changed += int((found.argmax(axis=1) != shares[number].argmax(axis=1)).sum())
            shares[number], sums[number] = found, fold.summed(found, copies)
        gains.append(gained)
        if changed < SETTLED * sum(map(len, folds)) or _level(gains):
            break
    return difference(together(sums), None, copies)


def _level(gains: list[float]) -> bool:
    """Whether what the folds gained, round by round, is evident and has come to rest."""
    last = gains[-1]
    return len(gains) > SPAN and last > EVIDENT * FOLDS and last - gains[-1 - SPAN] < RISE * last


def _leaning(cross: np.ndarray, norm: np.ndarray) -> tuple[float, np.ndarray]:
    """What D gains, and shares (n, c) of copies from their cross terms with D, taken so small that these vary by 1 from
    copy to copy."""
    lean = cross - cross.mean(axis=1, keepdims=True)
    return judged(cross, norm)[0], shared_out(lean / (lean.std() + 1e-300))
