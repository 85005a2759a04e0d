"""What the images of an iteration are compared with, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spa.class2d.images import Images
from spa.class2d.plane import Plane, Turns, slices, turns
from spa.class2d.sampling import Level


@dataclass(frozen=True)
class Sampled:
    """A sampling level at the coefficients of a band: where averages are cut, and ramps (2 = x, y; m, 2, K)."""

    level: Level
    ramps: np.ndarray
    turn: Turns


@dataclass(frozen=True)
class Grid(Sampled):
    """A level with the averages turned to it: refs (C, half, 2, K)."""

    refs: np.ndarray


@dataclass(frozen=True)
class Model:
    """The same for all blocks of a fold in an iteration.

    log_prior (C,); variance (groups, shells) of a complex coefficient; shift_sigma, reach and window in pixels: shifts
    are searched within the reach, of an image that was seen before within the window around its last one.
    """

    plane: Plane
    grids: Sequence[Grid]
    log_prior: np.ndarray
    variance: np.ndarray
    shift_sigma: float
    reach: float
    window: float
    temperature: float

    def offsets(self, window: float) -> tuple[np.ndarray, np.ndarray]:
        """Steps y, x of the first level's shifts within reach or window (pixels) of the middle of the grid."""
        level = self.grids[0].level
        steps = np.arange(len(level.shift)) - len(level.shift) // 2
        most = min(self.reach, window) / level.step + 0.5
        y, x = np.nonzero(steps[:, None] ** 2 + steps**2 <= most**2)
        return steps[y], steps[x]

    @cached_property
    def volume(self) -> float:
        """What the priors come to, summed over all cells of the last level that a search of everything would have.

        A likelihood summed with these priors and divided by it is a mean: of images without a particle its own mean
        is 1, and that of its logarithm below 0, whatever the classes, the grid and the spread of shifts.
        """
        level = self.grids[-1].level
        parts = 2 ** (len(self.grids) - 1)
        one = np.exp(self.shift_prior(level.shift**2).astype(float)).reshape(-1, parts).sum(axis=1)
        y, x = self.offsets(np.inf)
        middle = len(one) // 2
        return float(np.exp(self.log_prior.astype(float)).sum() * len(level.psi) * one[middle + y] @ one[middle + x])

    def shift_prior(self, squared: np.ndarray) -> np.ndarray:
        """Log prior of shifts of squared length (pixels)."""
        return (-squared / (2 * self.shift_sigma**2)).astype(np.float32)


def sampled(plane: Plane, images: Images, levels: Sequence[Level]) -> list[Sampled]:
    """The levels at the coefficients of images: the same for whatever averages."""
    band = images.band
    return [
        Sampled(level, level.ramps(band), turns(plane, band, band.count(level.radius), level.psi[: level.half]))
        for level in levels
    ]


def turned(grids: np.ndarray, plane: Plane, levels: Sequence[Sampled], threads: int = 1) -> list[Grid]:
    """The averages (C, cells complex64) turned to every level."""
    return [
        Grid(one.level, one.ramps, one.turn, slices(grids, plane.columns, one.turn, threads)) for one in levels
    ]  # fmt: skip


@dataclass
class Partial:
    """Sums over a block: sums (C, cells, 3); residual and counted (groups, shells); then one row an image.

    occupancy (B, C) class posteriors; cls, psi (radians), shift (B, 2) x, y pixels of the best cell and its posterior
    `best`; gain: log evidence, over that of an image without a particle; shift2: posterior mean of |shift|^2.
    """

    sums: np.ndarray
    residual: np.ndarray
    counted: np.ndarray
    occupancy: np.ndarray
    cls: np.ndarray
    psi: np.ndarray
    shift: np.ndarray
    best: np.ndarray
    gain: np.ndarray
    shift2: np.ndarray

    @classmethod
    def empty(cls, n: int, model: Model) -> "Partial":
        classes, shells = len(model.log_prior), model.variance.shape
        return cls(
            np.zeros((classes, model.plane.cells, 3), np.float32), np.zeros(shells), np.zeros(shells),
            np.zeros((n, classes), np.float32), np.zeros(n, np.int32), np.zeros(n, np.float32),
            np.zeros((n, 2), np.float32), np.zeros(n, np.float32), np.zeros(n), np.zeros(n, np.float32),
        )  # fmt: skip
