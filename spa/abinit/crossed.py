"""Several maps told apart: sweeps over parts of the images, each searched against maps that the other parts have made.

A map that holds an image draws it to where it is already: of few images a class it speaks as loudly for the class that
an image happens to be in as what it shows does, and classes that began as mixtures stay mixtures. An image that is in
none of the maps goes where it belongs (Shinozaki & Ostendorf, ICASSP (2007) IV-437), and maps follow after each part
(Neal & Hinton, in Learning in Graphical Models (1998) 355). What images say is then evidence that none was learnt from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np

from spa.abinit import batch, score, shape, soft
from spa.abinit.plan import Settings, Step
from spa.abinit.stochastic import State, doubt, generator, map_of, searched, solvents, sphere, sums_of
from spa.refine.data import Images
from spa.refine.problem import ALONE, Workers
from spa.search import orientations
from spa.volume import insert as into

PARTS = 4  # of the images
MOST = 1500  # images a class
BACK = 3  # sweeps that bring too little end them
GAIN = 0.005  # of the evidence


@dataclass(frozen=True, eq=False)
class Part:
    """What a part of the images has made: sums of each class, power (c, shells), sizes (c,), of each image the log
    evidence over all classes, the mean greatest weight."""

    sums: list[into.Accumulator]
    power: np.ndarray
    sizes: np.ndarray
    evidence: np.ndarray
    sharpness: float


def swept(
    images: Images, state: State, noise: np.ndarray, settings: Settings, seed: int, rows: np.ndarray, step: Step,
    most: int, workers: Workers = ALONE, leader: float = -np.inf,
) -> Iterator[State]:  # fmt: skip
    """States after sweeps over images rows, until they bring no more, cannot come up with a leader's evidence, or
    `most`; their evidence is of images in none of the maps (but of the first sweep, whose maps are those that the state
    had)."""
    order = generator(seed, 6).permutation(rows)[: MOST * settings.classes]
    split = [np.sort(order[first::PARTS]) for first in range(PARTS)]
    parts: list[Part | None] = [None] * PARTS
    told: list[float] = []
    for sweep in range(most):
        for number, some in enumerate(split):
            others = [part for part in parts[:number] + parts[number + 1 :] if part is not None]
            maps = _maps(images, others, settings, step, workers)[0] if len(others) == PARTS - 1 else state.maps
            sizes = np.mean([part.sizes for part in others], axis=0) if others else state.sizes
            rng = generator(seed, 7, state.step, number)
            parts[number] = _part(images, some, maps, sizes, noise, settings, step, rng, workers)
        state = _joined(images, state, [part for part in parts if part is not None], settings, step, workers)
        yield state
        told += [state.evidence] if sweep else []
        if len(told) > BACK and max(told[-BACK:]) < (1 + GAIN) * max(told[:-BACK]):
            return
        if score.hopeless(told, most - sweep - 1, leader):
            return


def _part(
    images: Images, some: np.ndarray, maps: np.ndarray, sizes: np.ndarray, noise: np.ndarray, settings: Settings,
    step: Step, rng: np.random.Generator, workers: Workers,
) -> Part:  # fmt: skip
    """What images `some` make of maps that hold none of them."""
    poses = orientations.grid(step.step, settings.operators, rng)
    grid = searched(images, settings, poses, step.bands)
    found = batch.averages(images, some, maps * solvents(images, settings), noise, grid, soft.Temper(), workers)
    nothing = np.zeros(1, np.float32)
    sums = [
        sums_of(images, nothing, found.values[c], found.weights[c], poses, settings, replace(step, kept=0.0))
        for c in range(settings.classes)
    ]
    logs = np.logaddexp.reduce(found.evidence + np.log(sizes + 1e-12), axis=1)
    return Part(sums, shape.signal_power(images, some, noise, found.share), found.share.mean(axis=0), logs,
                float(found.peak.mean()))  # fmt: skip


def _maps(
    images: Images, parts: list[Part], settings: Settings, step: Step, workers: Workers
) -> tuple[np.ndarray, np.ndarray]:
    """The most probable maps (c, n, n, n) of some parts, and their sums (c, …)."""
    sizes = np.mean([part.sizes for part in parts], axis=0)
    power = np.mean([part.power for part in parts], axis=0)

    def solved(c: int) -> tuple[np.ndarray, np.ndarray]:
        mask, one = sphere(images, settings.width_of(c)), parts[0].sums[c]
        sums = into.Accumulator(one.box, one.radius, np.sum([part.sums[c].grid for part in parts], axis=0))
        return map_of(sums, mask, power[c], doubt(settings, step, sizes[c], mask), step, c), sums.grid

    maps, grids = zip(*workers.map(solved, range(settings.classes)))
    return np.stack(maps).astype(np.float32), np.stack(grids)


def _joined(
    images: Images, state: State, parts: list[Part], settings: Settings, step: Step, workers: Workers
) -> State:
    """The state after a sweep, its classes at the centre of the box, and with them the sums of all parts."""
    maps, sums = _maps(images, parts, settings, step, workers)
    centres = [shape.centre_of(*one) for one in zip(maps * solvents(images, settings), repeat(settings.operators))]
    if max(np.hypot.reduce(away) for away in centres) > 0.5:
        for part in parts:
            for one, away in zip(part.sums, centres):
                shape.moved(one, away)
        maps, sums = _maps(images, parts, settings, step, workers)
    return replace(
        state, step=state.step + 1, maps=maps, sums=sums / len(parts),
        power=np.mean([part.power for part in parts], axis=0), sizes=np.mean([part.sizes for part in parts], axis=0),
        evidence=float(np.concatenate([part.evidence for part in parts]).mean()),
        sharpness=float(np.mean([part.sharpness for part in parts])),
    )  # fmt: skip
