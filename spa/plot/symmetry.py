"""Point groups of a map: their scores against chance, and the map seen along the axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot import maps
from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def overview(
    rows: Sequence[tuple[str, float, float, float, bool]], volume: np.ndarray, pixel_size: float, title: str
) -> "Figure":
    """rows: group, score, weakest axis, chance, taken or not; volume (n, n, n) as it lies on the axes."""
    figure = open_figure(11, 5)
    parts: Any = figure.subfigures(1, 2, width_ratios=(1, 1.5))
    left, right = parts
    axes = left.subplots()
    place = np.arange(len(rows))[::-1]
    names, score, weakest, chance, taken = zip(*rows)
    axes.barh(place, score, color=["tab:blue" if one else "0.75" for one in taken])
    axes.plot(weakest, place, "k|", markersize=12, label="weakest axis")
    axes.plot(chance, place, "x", color="tab:red", label="axes at random")
    axes.set_yticks(place, names)
    axes.set_xlim(min(-0.2, *weakest, *chance), 1.02)
    axes.set_xlabel("score of the axes (1: perfect)")
    axes.legend(loc="lower right", frameon=True)
    axes.set_title("point groups")
    maps.draw(right.subplots(2, 3), volume, pixel_size)
    figure.suptitle(title, fontsize=9)
    return figure
