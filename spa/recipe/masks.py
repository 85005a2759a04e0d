"""The mask of a map: the one that is named, or an automatic one."""

import numpy as np

from spa.io import mrc
from spa.job import maps
from spa.job.run import Run
from spa.volume.masks import soft_mask


def solvent(run: Run, name: str | None, mean: np.ndarray, like: mrc.Image) -> np.ndarray:
    """The soft mask in a file, on the grid of `like`; without a name one made of the mean map, which is said."""
    if name:
        return maps.solvent(maps.read_like(run, name, like, contrast=False).data, name)
    run.warn("no mask is named: an automatic one is used")
    return soft_mask(mean, like.pixel_size)[0]
