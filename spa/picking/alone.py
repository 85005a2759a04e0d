"""What a network picks in noise alone, and whether a micrograph has more than that.

A network answers noise, too: a few places of it are likelier than not to be a particle's by its own reckoning. A
micrograph whose picks are at no height more than those in as large a piece of white noise shows no particles.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spa.picking.working import ACROSS, Working, flattened

_SIDE = 20  # diameters, of the piece of noise
_HEIGHTS = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0])  # log-odds above the threshold, at which picks are counted
_CLEAR = 2.0  # standard deviations by which picks outnumber those in noise
_BEYOND = 1.5  # log-odds above the threshold: of any network, few of noise's picks


@dataclass(frozen=True, eq=False)
class Alone:
    """Log-odds (n,) of the picks in a piece of noise of an area (square diameters), from a threshold on."""

    odds: np.ndarray
    area: float
    least: float

    def outnumbered(self, odds: np.ndarray, area: float) -> bool:
        """Whether picks (m,) in such an area are more than those, at some height."""
        found, chance = ((one[None] >= self.least + _HEIGHTS[:, None]).sum(1) for one in (odds, self.odds))
        expected = (chance + 0.5) * area / self.area
        return bool((found > expected + _CLEAR * np.sqrt(expected * (1 + area / self.area))).any())


def noise() -> Working:
    """A piece of white noise as a network sees it, always the same."""
    side = _SIDE * ACROSS
    image = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    return Working(flattened(image), np.ones(2), np.zeros(2))


def area(image: Working) -> float:
    """Of a working image, in square diameters."""
    return image.image.size / ACROSS**2


def certain(odds: np.ndarray, least: float, image: Working) -> bool:
    """Whether so many picks are so high that no noise need be looked at: a tenth of what the area could hold."""
    return bool((odds >= least + _BEYOND).sum() > 0.1 * area(image))


def measured(pick: Callable[[Working], np.ndarray], least: float) -> Alone:
    """pick: gives the log-odds of the picks in a working image from a threshold on."""
    piece = noise()
    return Alone(pick(piece), area(piece), least)
