"""What an ab initio run is told, and the schedule that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

CELLS = 6e6  # scores that a block of images may hold at once
PARTS = 3  # of the images, of which a small batch is one: maps of all of them stay where they are
FEWEST = 50  # images of a batch


@dataclass(frozen=True, eq=False)
class Settings:
    """diameter and shift_range in angstroms; operators (g, 3, 3) of the point group; band: the last shell in use.

    widths: of each class's particle (angstroms), where it has turned out narrower than the diameter; each: operators of
    every class where they differ, once the poses are sharpened; junk: a class more, then, for images that show a blob
    or nothing; finer: how many times as many shells as the widths ask for.
    """

    diameter: float
    operators: np.ndarray
    band: int
    shift_range: float
    classes: int = 1
    steps: int = 60
    batch: int = 400
    widths: tuple[float, ...] = ()
    each: tuple[np.ndarray, ...] = ()
    junk: bool = False
    finer: float = 1.0

    def group_of(self, number: int) -> np.ndarray:
        """Operators (g, 3, 3) of a class."""
        return self.each[number] if self.each else self.operators

    def width_of(self, number: int) -> float:
        """Of a class's particle, angstroms; of a junk class, which comes last, the diameter."""
        return self.widths[number] if number < len(self.widths) else self.diameter

    def extent_of(self, number: int, side: float) -> float:
        """The share of a box of a side (angstroms) that a class's particle takes."""
        return extent_of(self.width_of(number), side)

    def extents(self, side: float) -> list[float]:
        """The same of all classes."""
        return [self.extent_of(number, side) for number in range(self.classes)]


@dataclass(frozen=True)
class Step:
    """One mini-batch: shells in use for each class, grid step (radians), likelihood's exponent, part of the old sums,
    similarity; forced: whether a map gets all of the signal's power, however little is known of it; doubt: of a map
    that is alone, the doubt of coefficients that stand alone being 1."""

    bands: tuple[int, ...]
    step: float
    beta: float
    kept: float
    similarity: float
    forced: bool = True
    doubt: float = 1.0

    def fresh(self, batch: int, images: int) -> float:
        """The part that a batch is of the images that its sums, which forget older ones, stand for."""
        held = min(batch, images)
        return held / min(images, held * (1 + self.kept) / (1 - self.kept))

    @property
    def band(self) -> int:
        """Of the images."""
        return max(self.bands)


def small_batch(batch: int, images: int) -> int:
    """A batch, but a part of the images at most."""
    return min(batch, max(FEWEST, images // PARTS))


def extent_of(width: float, side: float) -> float:
    """The share of a box of a side (angstroms) that a particle takes."""
    return float(np.clip(width / side, 0.1, 0.95))


def grid_step(band: float, extent: float, order: int) -> float:
    """The coarsest grid (radians) whose slices do not part company in a band: 3 / band for a particle of 0.7 box.

    At most 36 degrees, less for a group of many elements, so that its asymmetric unit is never empty.
    """
    return float(min(3.0 / band * 0.7 / extent, np.deg2rad(36) / order ** (1 / 3)))


def finest(settings: Settings, side: float, bands: Sequence[int]) -> float:
    """The grid step (radians) that all classes' bands need, in a box of a side (angstroms)."""
    order = len(settings.operators)
    return min(grid_step(band, extent, order) for band, extent in zip(bands, settings.extents(side)))


def last_bands(settings: Settings, side: float) -> tuple[int, ...]:
    """Shells of each class, in a box of a side (angstroms), at the end of the stochastic phase: details of an eighth of
    the particle, seen from everywhere."""
    ends = [6.3 * settings.finer / extent for extent in settings.extents(side)]
    return tuple(int(np.clip(np.rint(end), 4, settings.band)) for end in ends)


def plan(settings: Settings, side: float) -> list[Step]:
    """The bands open over the first four fifths while the posterior hardens; later batches forget less of the past."""
    last = last_bands(settings, side)
    first = [min(3.0 * 0.7 * settings.finer / extent, settings.band) for extent in settings.extents(side)]
    steps = []
    for number in range(settings.steps):
        along, late = min(1.0, number / (0.8 * settings.steps)), number / max(settings.steps - 1, 1)
        bands = tuple(int(np.rint(begin + (end - begin) * along)) for begin, end in zip(first, last))
        steps.append(
            Step(bands, finest(settings, side, bands), beta=0.2 + 0.8 * along,
                 kept=0.5 + 0.25 * max(0.0, 2 * late - 1), similarity=max(0.0, 1 - 1.5 * along))
        )  # fmt: skip
    return steps


def quench(settings: Settings, side: float) -> list[Step]:
    """The plan without its heat: each image goes where its likelihood says, from the first map on.

    A posterior that hardens slowly leads all starts to one map; where that is its own mirror image, as both hands fit
    images of few shells alike, it is as long in leaving it. These starts differ: some begin nearer to the truth.
    """
    return [replace(step, beta=1.0, similarity=0.0) for step in plan(settings, side)]


def heat(steps: list[Step]) -> int:
    """How many steps show which seed is the best."""
    return int(np.ceil(0.6 * len(steps)))


def sweep(settings: Settings, side: float, step: float) -> Step:
    """Of `spa.abinit.crossed`, in all shells, on a grid of a step (radians)."""
    return Step(last_bands(settings, side), step, beta=1.0, kept=0.0, similarity=0.0, forced=False)


def climb(settings: Settings, side: float) -> list[Step]:
    """For a map that images say little of: the most probable one in few shells, from where it draws finer ones in.

    A map that must have all of the signal's power is as strong in what is noise as in what is known, and poses follow
    both. The most probable one has each detail as far as images agree in it: what they do not know yet fades. A
    third of the steps sees details of a quarter of the particle; then the bands open.
    """
    last = last_bands(settings, side)
    first = [min(3.6 * settings.finer / extent, end) for extent, end in zip(settings.extents(side), last)]
    steps = []
    for number in range(int(0.75 * settings.steps)):
        along = float(np.clip((number / settings.steps - 0.25) / 0.4, 0, 1))
        bands = tuple(int(np.rint(begin + (end - begin) * along)) for begin, end in zip(first, last))
        steps.append(Step(bands, finest(settings, side, bands), beta=1.0, kept=0.5, similarity=0.0, forced=False))
    return steps


def again(steps: list[Step], number: int = 0) -> list[Step]:
    """What a climb goes on with for the so-manieth time: a seventh as many steps in its last bands, doubted less and
    less.

    The doubt anneals: a map that is doubted most draws in only what nearly all images agree in, and one that never is
    doubted less keeps as little of the rest to the end. A right map gains by it much more than a wrong one does.
    """
    last = replace(steps[-1], doubt=2 ** (-0.5 * (number + 1))) if number else steps[-1]
    return [last] * (len(steps) // 7)
