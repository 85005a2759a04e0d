"""A local refinement at a glance: the half maps' FSC, how far the particles moved, and the map."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot import fsc, maps
from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def overview(
    curve: np.ndarray, volume: np.ndarray, mask: np.ndarray, pixel_size: float, resolution: float, turn: np.ndarray,
    shift: np.ndarray,
) -> "Figure":  # fmt: skip
    """curve (n//2+1,) in the mask; volume and mask (n, n, n); turn (particles,) in degrees, shift (particles,) in
    angstroms."""
    figure = open_figure(13, 7)
    parts: Any = figure.subfigures(1, 2, width_ratios=(1, 1.25))
    left, right = parts
    grid = left.add_gridspec(2, 2)
    fsc.draw(
        left.add_subplot(grid[0, :]), {"masked": curve}, len(volume), pixel_size, {"masked": resolution}, "half maps"
    )
    for place, values, name in ((0, turn, "turned by (degrees)"), (1, shift, "shifted by (Å)")):
        axes = left.add_subplot(grid[1, place])
        axes.hist(values, bins=40, range=(0, max(float(np.quantile(values, 0.995)), 1e-3)), color="tab:gray")
        axes.axvline(float(np.median(values)), color="tab:red", linewidth=1.2, linestyle="--")
        axes.set_xlabel(name)
        axes.set_title(f"median {np.median(values):.2g}")
    maps.draw(right.subplots(2, 3), volume, pixel_size, mask)
    right.suptitle(f"about the fulcrum; {len(volume)} pixels of {pixel_size:.4g} Å", fontsize=9)
    return figure
