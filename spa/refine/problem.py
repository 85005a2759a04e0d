"""What a refinement is given, and the hands that do it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np

from spa.refine.data import Images
from spa.refine.engine import CPU, Engine
from spa.refine.settings import Settings
from spa.search.prior import Prior
from spa.volume.fsc import crossing, independent_under

GOLD = 0.143  # Rosenthal & Henderson, J. Mol. Biol. 333 (2003) 721


class Smoothing(Protocol):
    """Both unfiltered half maps (box, box, box) to regularised ones, and to the map of both (`joint`)."""

    def __call__(self, half1: np.ndarray, half2: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]: ...
    def joint(self, half1: np.ndarray, half2: np.ndarray, /) -> np.ndarray: ...


@runtime_checkable
class Banded(Protocol):
    """A smoothing that has less to do where half maps end at a shell."""

    def up_to(self, shell: int) -> Smoothing:
        """The same of half maps that have nothing beyond a shell, before they are masked."""
        ...


def of_part(curve: np.ndarray, share: float) -> np.ndarray:
    """The FSC of a part of a mask that holds all of the signal, and this share of the noise."""
    return curve / (share + (1 - share) * np.maximum(curve, 0))


@dataclass(frozen=True, eq=False)
class Problem:
    """images and settings; solvent: soft mask (box, box, box) of references and FSC; prior: where the poses are
    expected: without poses of its own every orientation is searched, with them only what is near.

    dynamic: whether references are masked by their own outline too, once it can be trusted.
    cohort (n,): of each image, the group from 0 that shares a grey scale; None: all share one.
    smoothing: what regularises half maps in place of the Wiener solution by their FSC.
    frame: of a start, in whose frame the maps of a single class are kept (`drift.kept`); None: where they come to lie.
    """

    images: Images
    settings: Settings
    solvent: np.ndarray
    prior: Prior
    smoothing: Smoothing | None = None
    dynamic: bool = True
    cohort: np.ndarray | None = None
    frame: np.ndarray | None = None

    @property
    def extent(self) -> float:
        """The share of the box that the particle takes, as far as its turns are seen."""
        seen = self.settings.breadth or self.settings.diameter
        return min(0.95, seen / (self.images.band.box * self.images.pixel_size))

    @cached_property
    def free(self) -> np.ndarray:
        """(box//2+1,) independent coefficients of each shell of maps in the solvent mask."""
        return independent_under(self.solvent, len(self.settings.operators))

    def reach(self, curve: np.ndarray, share: float = 1.0) -> int:
        """The last shell, of those that are used, before an FSC of maps in the solvent mask falls below 0.143.

        share: of the noise in the mask, what counts: below 1 the FSC is that of the part that holds the signal.
        """
        return min(crossing(of_part(curve, share), GOLD, share**2 * self.free), self.images.band.radius)

    def resolution(self, curve: np.ndarray) -> float:
        """The same in angstroms."""
        return self.images.resolution_of(self.reach(curve))


@dataclass(frozen=True)
class Workers:
    """map: a pool's map (results in the items' order); threads: how many work at once; engine: who computes."""

    map: Callable[..., Iterable] = map
    threads: int = 1
    engine: Engine = CPU

    @property
    def looks(self) -> Callable[..., Iterable]:
        """The map for what the engine does."""
        return self.engine.over(self.map)


ALONE = Workers()  # one thread
