"""The modes of images in every class: those of a class that an image was unlikely of are glanced at first.

A glance is the cheap search; what it finds is an image's evidence for the class where it stays unlikely, and else the
wide search follows. So every image is looked at in every class in every round, and none is lost for having once been
taken for another: images of mixed sets spend their time where they belong.
"""

from typing import TYPE_CHECKING

import numpy as np

from spa.abinit import junk
from spa.abinit.plan import Settings
from spa.abinit.stochastic import generator, side_of
from spa.refine import expectation, recognised
from spa.refine.classes import evidence
from spa.refine.classes import shares as shares_of
from spa.refine.data import Images
from spa.refine.expectation import Poses, Task
from spa.refine.problem import Workers
from spa.refine.settings import searches
from spa.search.prior import Prior

if TYPE_CHECKING:
    from spa.abinit.sharpen import State

SHARP = 0.75  # mean weight of the best mode below which the search is wide, and half maps' FSC no guide
UNLIKELY = 0.01  # share of a class in the round before, below which an image is glanced at there


class Looks:
    """Looks at images in each class: their modes (every) and log evidence (n, c)."""

    def __init__(
        self, images: Images, state: "State", settings: Settings, seed: int, workers: Workers, masks: np.ndarray
    ) -> None:
        self.images, self.state, self.settings, self.seed, self.workers = images, state, settings, seed, workers
        self.reach = settings.shift_range / images.pixel_size
        self.prior = Prior(np.zeros((len(images), 2)), self.reach / 2.5)
        self.every = [expectation.no_poses(len(images)) for _ in state.maps]
        self.logs = np.full((len(images), len(state.maps)), -np.inf)
        maps = state.maps * masks[:, None]
        self.sources = [[workers.engine.reference(one, state.radius) for one in pair] for pair in maps]

    def at(self, number: int, halves: list[np.ndarray], wide: bool, again: tuple[int, ...] = ()) -> None:
        """Search rows of each half in a class; again: which look this is, after the first."""
        own, engine = number < self.settings.classes, self.workers.engine
        group = self.settings.group_of(number) if own else junk.OPERATORS
        extent = self.settings.extent_of(number, side_of(self.images))
        search = searches(extent, self.state.radius)[int(wide)]
        for half, rows in enumerate(halves):
            if not len(rows):
                continue
            task = Task(self.images, self.sources[number][half], self.state.radius, self.state.noise, group,
                        self.prior, extent, self.reach, engine)  # fmt: skip
            rng = generator(self.seed, 5, self.state.round, number, half, *again)
            look = expectation.wide_pass(task, search, rng)
            queue = engine.blocks(self.images, rows, self.state.radius)
            for part, modes in zip(queue, self.workers.looks(look, queue)):
                self.every[number].write(part, modes)
                self.logs[part, number] = evidence(modes)
                self.logs[part, number] += np.log(len(group)) if own else 0  # modes not looked for


def expected(
    images: Images, state: "State", settings: Settings, seed: int, workers: Workers, halves: list[np.ndarray],
    masks: np.ndarray,
) -> tuple[list[Poses], np.ndarray]:  # fmt: skip
    """Modes of every image in each class, and each class's share (n, c) of the image.

    Where a class was unlikely in the round before, a cheap search first; a wide one only if it is not unlikely then.
    """
    looks, wide = Looks(images, state, settings, seed, workers, masks), state.sharpness < SHARP
    doubted = np.zeros(looks.logs.shape, bool)
    if wide and state.shares is not None:
        doubted = state.shares < UNLIKELY
    for number in range(len(state.maps)):
        looks.at(number, [rows[~doubted[rows, number]] for rows in halves], wide)
        looks.at(number, [rows[doubted[rows, number]] for rows in halves], False, (1,))
    again = doubted & (shares_of(looks.logs) >= UNLIKELY)
    for number in range(len(state.maps)):
        looks.at(number, [rows[again[rows, number]] for rows in halves], True, (2,))
    if settings.junk:
        _patterned(looks, halves, masks)
    return looks.every, shares_of(looks.logs)


def _patterned(looks: Looks, halves: list[np.ndarray], masks: np.ndarray) -> None:
    """The evidence of junk as that of a blob, of nothing, or of a pattern."""
    images, state, workers = looks.images, looks.state, looks.workers
    own = looks.settings.classes
    power = recognised.projected_power(state.maps[:own].mean(axis=1) * masks[:own])
    queue = workers.engine.blocks(images, np.concatenate(halves), state.radius)
    patterns = workers.looks(
        lambda part: workers.engine.patterns(images, part, state.radius, state.noise, power), queue
    )
    for part, pattern in zip(queue, patterns):
        looks.logs[part, -1] = junk.evidence(looks.logs[part, -1], pattern, looks.prior.shift_sigma)
