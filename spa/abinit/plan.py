"""What an ab initio run is told, and the schedule that follows from it."""

from dataclasses import dataclass, replace

import numpy as np

CELLS = 6e6  # scores that a block of images may hold at once


@dataclass(frozen=True, eq=False)
class Settings:
    """diameter and shift_range in angstroms; operators (g, 3, 3) of the point group; band: the last shell in use.

    each: operators of every class where they differ, once the poses are sharpened; junk: a class more, then, for
    images that show a blob or nothing.
    """

    diameter: float
    operators: np.ndarray
    band: int
    shift_range: float
    classes: int = 1
    steps: int = 60
    batch: int = 400
    each: tuple[np.ndarray, ...] = ()
    junk: bool = False

    def group_of(self, number: int) -> np.ndarray:
        """Operators (g, 3, 3) of a class."""
        return self.each[number] if self.each else self.operators


@dataclass(frozen=True)
class Step:
    """One mini-batch: shells in use, grid step (radians), likelihood's exponent, part of the old sums, similarity."""

    band: int
    step: float
    beta: float
    kept: float
    similarity: float


def extent_of(diameter: float, box: int, pixel_size: float) -> float:
    """The particle's share of the box."""
    return float(np.clip(diameter / (box * pixel_size), 0.1, 0.95))


def grid_step(band: float, extent: float, order: int) -> float:
    """The coarsest grid (radians) whose slices do not part company in a band: 3 / band for a particle of 0.7 box.

    At most 36 degrees, less for a group of many elements, so that its asymmetric unit is never empty.
    """
    return float(min(3.0 / band * 0.7 / extent, np.deg2rad(36) / order ** (1 / 3)))


def last_band(settings: Settings, extent: float) -> int:
    """Shells at the end of the stochastic phase: details of an eighth of the particle, seen from everywhere."""
    return int(np.clip(np.rint(6.3 / extent), 4, settings.band))


def plan(settings: Settings, extent: float) -> list[Step]:
    """The band opens over the first four fifths while the posterior hardens; later batches forget less of the past."""
    first, last = min(3.0 * 0.7 / extent, settings.band), last_band(settings, extent)
    steps = []
    for number in range(settings.steps):
        along, late = min(1.0, number / (0.8 * settings.steps)), number / max(settings.steps - 1, 1)
        band = int(np.rint(first + (last - first) * along))
        steps.append(
            Step(band, grid_step(band, extent, len(settings.operators)), beta=0.2 + 0.8 * along,
                 kept=0.5 + 0.25 * max(0.0, 2 * late - 1), similarity=max(0.0, 1 - 1.5 * along))
        )  # fmt: skip
    return steps


def heat(steps: list[Step]) -> int:
    """How many steps show which seed is the best."""
    return int(np.ceil(0.6 * len(steps)))


def cycle(steps: list[Step]) -> list[Step]:
    """Every other step from the plan's middle bands on: melted and hardened again where images say little."""
    return [replace(step, similarity=0.0) for step in steps[int(0.4 * len(steps)) :: 2]]
