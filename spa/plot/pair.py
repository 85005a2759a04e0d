"""Two maps on one grid, one above the other: what they project to, and their surfaces."""

from typing import TYPE_CHECKING

import numpy as np

from spa.plot import figure as figures
from spa.plot import maps

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pair(names: tuple[str, str], volumes: tuple[np.ndarray, np.ndarray], pixel_size: float) -> "Figure":
    """Volumes (n, n, n) of one pixel size, angstroms, seen along z, y and x."""
    figure = figures.open_figure(9, 12.4)
    grid = figure.subplots(4, 3)
    for row, (name, volume) in enumerate(zip(names, volumes)):
        maps.draw_projections(grid[row], volume, pixel_size)
        maps.draw_surfaces(grid[row + 2], volume)
        for place in (row, row + 2):
            grid[place, 0].set_ylabel(name, fontsize=9)
    return figure
