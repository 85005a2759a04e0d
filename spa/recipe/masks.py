"""The mask of a map: the one that is named, or an automatic one; and whether half maps have anything to mask."""

import numpy as np

from spa.errors import DataError
from spa.io import mrc
from spa.job import maps
from spa.job.run import Run
from spa.volume.agreement import SURE, agreement
from spa.volume.masks import soft_mask, stands_out


def solvent(run: Run, name: str | None, mean: np.ndarray, like: mrc.Image) -> np.ndarray:
    """The soft mask in a file, on the grid of `like`; without a name one made of the mean map, which is said."""
    if name:
        return maps.solvent(maps.read_like(run, name, like, contrast=False).data, name)
    run.warn("no mask is named: an automatic one is used")
    if not stands_out(mean, like.pixel_size):
        run.warn(f"nothing stands out of {like.path}: noise has as much above the mask's threshold")
    return soft_mask(mean, like.pixel_size)[0]


def require_agreement(first: mrc.Image, second: mrc.Image) -> None:
    """DataError where half maps agree no better than noise does: masks are drawn where their noise agrees."""
    if agreement(first.data, second.data) < SURE:
        raise DataError(f"{first.path} and {second.path} agree no better than noise does: nothing is resolved in them")
