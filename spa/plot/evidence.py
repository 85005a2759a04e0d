"""How what is known of particles is spread, and what of it is that of whole ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS, BINS = 3, 60


@dataclass(frozen=True, eq=False)
class Spread:
    """Of a group of particles: values (n,); the density of whole ones, curve (m,) at places (m,); the limit (or
    -inf), and how many lie below it."""

    name: str
    values: np.ndarray
    at: np.ndarray
    curve: np.ndarray
    limit: float
    below: int


def overview(groups: Sequence[Spread], quantity: str) -> "Figure":
    """A panel for each group of particles; quantity: what the values are."""
    columns, rows = min(ACROSS, len(groups)), -(-len(groups) // ACROSS)
    figure = open_figure(4.6 * columns, 3.2 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    for axes, group in zip(panels, groups):
        _panel(axes, group, quantity)
    return figure


def _panel(axes: Any, group: Spread, quantity: str) -> None:
    edges = np.linspace(group.values.min(), group.values.max(), BINS + 1)
    count = len(group.values)
    axes.hist(group.values, edges, color="tab:blue", alpha=0.6)
    axes.plot(group.at, group.curve * count * (edges[1] - edges[0]), color="k", lw=1, label="whole particles")
    if np.isfinite(group.limit):
        left = f"{group.below} of {count} left out"
        axes.axvline(group.limit, color="tab:red", lw=1.2, ls="--", label=f"{group.limit:.3g}: {left}")
    axes.set(xlabel=quantity, ylabel="particles", title=group.name or "all particles")
    axes.legend(fontsize=7)
