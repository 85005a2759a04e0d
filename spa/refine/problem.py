"""What a refinement is given, and the hands that do it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from spa.refine.data import Images
from spa.refine.settings import Settings


@dataclass(frozen=True, eq=False)
class Problem:
    """images and settings; solvent: soft mask (box, box, box) of references and FSC; centres (n, 2) in pixels: where
    the prior on shifts expects each particle."""

    images: Images
    settings: Settings
    solvent: np.ndarray
    centres: np.ndarray

    @property
    def extent(self) -> float:
        """The share of the box that the particle takes."""
        return min(0.95, self.settings.diameter / (self.images.band.box * self.images.pixel_size))


@dataclass(frozen=True)
class Workers:
    """map: a pool's map (results in the items' order); threads: how many work at once."""

    map: Callable[..., Iterable] = map
    threads: int = 1
