"""The mask of a map, the one that is named or an automatic one; and half maps that have anything to mask."""

import numpy as np

from spa.errors import DataError
from spa.io import mrc
from spa.io.star import Tables
from spa.job import maps, pool
from spa.job.run import Run
from spa.volume.agreement import SURE, agreement
from spa.volume.masks import soft_mask, stands_out

SOLVENT = 0.3  # of a mask, from which on it is said to hold other things than the particle


def solvent(run: Run, name: str | None, mean: np.ndarray, like: mrc.Image) -> np.ndarray:
    """The soft mask in a file, on the grid of `like`; without a name one made of the mean map, which is said."""
    if name:
        return maps.solvent(maps.read_like(run, name, like, contrast=False).data, name)
    run.warn("no mask is named: an automatic one is used")
    if not stands_out(mean, like.pixel_size):
        run.warn(f"nothing stands out of {like.path}: noise has as much above the mask's threshold")
    return soft_mask(mean, like.pixel_size)[0]


def of_particle(run: Run, mask: np.ndarray, name: str | None, mean: np.ndarray, like: mrc.Image) -> np.ndarray:
    """A refiner's mask (n, n, n) without what is solvent in it: its sphere holds more of that than of a long particle.

    mean: the map. The mask as it is where the particle fills it, or where nothing stands out of the map.
    """
    if name is None or not stands_out(mean, like.pixel_size):
        return mask
    close = soft_mask(mean, like.pixel_size)[0]
    solvent = float((close[mask > 0.5] < 0.5).mean())
    if solvent < SOLVENT or not ((close > 0.5) & (mask > 0.5)).any():
        return mask
    run.note(f"{solvent:.0%} of the mask {name} is solvent, and does not count (--mask takes it as it is)")
    return np.minimum(mask, close)


def agreeing_halves(
    run: Run, tables: Tables | None, half1: str | None, half2: str | None, number: int | None
) -> tuple[mrc.Image, mrc.Image]:
    """Both half maps, named or the stream's; DataError where they agree no better than noise does.

    Of such maps nothing can be measured: masks are drawn where their noise agrees.
    """
    first, second = maps.read_halves(run, tables, half1, half2, number)
    with pool.mapping(run.threads) as mapped:
        found = agreement(first.data, second.data, mapped)
    if found < SURE:
        raise DataError(f"{first.path} and {second.path} agree no better than noise does: nothing is resolved in them")
    return first, second
