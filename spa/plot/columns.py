"""Histograms of a table's columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def histograms(columns: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> "Figure":
    """One panel for each (name, counts, edges), at most four in a row."""
    across = min(4, max(1, len(columns)))
    down = max(1, -(-len(columns) // across))
    figure = open_figure(3.2 * across, 2.2 * down)
    for place, (name, counts, edges) in enumerate(columns, start=1):
        axes = figure.add_subplot(down, across, place)
        width = edges[-1] - edges[0]
        axes.stairs(counts, edges if width > 0 else [edges[0] - 0.5, edges[0] + 0.5], fill=True, color="#4a7ab0")
        axes.set_title(name)
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", nbins=5)
    return figure
