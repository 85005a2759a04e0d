"""A refinement at a glance: the half maps' FSC, slices and projections of the map, and the views."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot import fsc, maps, views
from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def overview(
    curve: np.ndarray, volume: np.ndarray, euler: np.ndarray, pixel_size: float, resolution: float
) -> "Figure":
    """curve (n//2+1,) in the solvent mask; volume (n, n, n); euler (particles, 3) radians; angstroms."""
    figure = open_figure(13, 7)
    parts: Any = figure.subfigures(1, 2, width_ratios=(1, 1.25))
    left, right = parts
    grid = left.add_gridspec(2, 1)
    name = "masked"
    fsc.draw(left.add_subplot(grid[0]), {name: curve}, len(volume), pixel_size, {name: resolution}, "half maps")
    views.draw(left, left.add_subplot(grid[1], projection="mollweide"), euler[:, 0], euler[:, 1])
    maps.draw(right.subplots(2, 3), volume, pixel_size)
    right.suptitle(f"{len(volume)} pixels of {pixel_size:.4g} Å", fontsize=9)
    return figure
