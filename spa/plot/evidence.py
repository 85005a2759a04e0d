"""How the evidence of particles is spread, and what of it is that of whole ones."""

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
    """Of a group of particles: evidence (n,), nats; the density of whole ones, curve (m,) at places (m,); the limit (or
    -inf), and how many lie below it."""

    name: str
    evidence: np.ndarray
    at: np.ndarray
    curve: np.ndarray
    limit: float
    below: int


def overview(groups: Sequence[Spread]) -> "Figure":
    """A panel for each group of particles."""
    columns, rows = min(ACROSS, len(groups)), -(-len(groups) // ACROSS)
    figure = open_figure(4.6 * columns, 3.2 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    for axes, group in zip(panels, groups):
        _panel(axes, group)
    return figure


def _panel(axes: Any, group: Spread) -> None:
    edges = np.linspace(group.evidence.min(), group.evidence.max(), BINS + 1)
    count = len(group.evidence)
    axes.hist(group.evidence, edges, color="tab:blue", alpha=0.6)
    axes.plot(group.at, group.curve * count * (edges[1] - edges[0]), color="k", lw=1, label="whole particles")
    if np.isfinite(group.limit):
        left = f"{group.below} of {count} left out"
        axes.axvline(group.limit, color="tab:red", lw=1.2, ls="--", label=f"{group.limit:.0f}: {left}")
    axes.set(xlabel="evidence, nats", ylabel="particles", title=group.name or "all particles")
    axes.legend(fontsize=7)
