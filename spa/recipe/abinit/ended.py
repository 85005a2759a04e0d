"""What the end of a course holds: the particles' poses and the maps, on the images' grid."""

import numpy as np

from spa.abinit import compact, sharpen, stochastic
from spa.io.star import Table
from spa.job.particles import pose_columns
from spa.recipe.abinit.inputs import Given


def posed(given: Given, found: sharpen.Classified) -> Table:
    """The particles with their poses and half-sets."""
    poses = pose_columns(found.poses, given.centres + found.shifts, given.images.pixel_size)
    return given.stack.table(given.rows).with_columns(**poses, rlnRandomSubset=given.images.half + 1)


def final_maps(given: Given, state: sharpen.State) -> np.ndarray:
    """The maps (c, box, box, box) on the images' grid: masked, their last shells faded out."""
    assert state.joint is not None
    mask = stochastic.sphere(given.images, given.settings.diameter)
    radius = min(state.radius, given.images.band.radius)
    faded = [compact.faded(one, radius) * mask for one in state.joint]
    return np.stack([compact.rescaled(one, given.stack.box) for one in faded])
