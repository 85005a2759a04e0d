"""A subtraction at a glance: what went, what stayed, and whether the images still show the one or the other."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot import maps
from spa.plot.figure import open_figure
from spa.plot.fsc import resolution_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLES: dict[str, dict[str, Any]] = {"before": {"linestyle": "--", "linewidth": 1.0}, "after": {"linewidth": 1.8}}
_COLOURS = {"what goes": "tab:red", "what stays": "tab:blue"}


def overview(
    removed: np.ndarray, kept: np.ndarray, mask: np.ndarray, curves: Mapping[tuple[str, str], np.ndarray],
    scale: np.ndarray, pixel_size: float,
) -> "Figure":  # fmt: skip
    """Maps (n, n, n) with the mask's outline; curves (shells,) of the images' correlation with a part, by (what goes
    or what stays, before or after); scale (particles,) of what was subtracted."""
    figure = open_figure(13, 7)
    parts: Any = figure.subfigures(1, 2, width_ratios=(1, 1.25))
    left, right = parts
    above, below = left.subplots(2, 1)
    _curves(above, curves, len(mask), pixel_size)
    below.hist(scale, bins=40, color="tab:gray")
    below.set_xlabel("scale of the subtracted signal")
    below.set_ylabel("particles")
    rows: Any = right.subfigures(2, 1)
    for part, volume, name in zip(rows, (removed, kept), _COLOURS):
        maps.draw_projections(part.subplots(1, 3), volume, pixel_size, mask)
        part.suptitle(name, fontsize=10, color=_COLOURS[name])
    return figure


def _curves(axes: Any, curves: Mapping[tuple[str, str], np.ndarray], box: int, pixel_size: float) -> None:
    for (part, when), curve in curves.items():
        frequency = np.arange(len(curve)) / (box * pixel_size)
        axes.plot(frequency[1:], curve[1:], color=_COLOURS[part], label=f"{part}, {when}", **_STYLES[when])
    axes.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    axes.set_xlim(0, 0.5 / pixel_size)
    resolution_ticks(axes, 0.5 / pixel_size)
    axes.set_ylabel("correlation of the images with it")
    axes.legend(fontsize=8)
