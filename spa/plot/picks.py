"""Picks over their micrographs, and scores against local power."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KEPT, _LEFT = "#e66101", "#5e3c99"


@dataclass(frozen=True)
class Panel:
    """One micrograph: a small image (ny, nx); xy (n, 2) and radius in its pixels; scores for the histogram."""

    name: str
    image: np.ndarray
    xy: np.ndarray
    radius: float
    score: np.ndarray


def over_micrographs(panels: list[Panel], all_scores: np.ndarray) -> "Figure":
    """Circles about the picks of some micrographs, and the scores of all."""
    columns = min(3, len(panels) + 1)
    rows = -(-(len(panels) + 1) // columns)
    figure = open_figure(4.6 * columns, 4.6 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, panel in zip(axes, panels):
        _circles(axis, panel)
    axes[len(panels)].hist(all_scores, bins=60, color=_KEPT)
    title = f"{len(all_scores)} picks in all"
    axes[len(panels)].set(xlabel="score (sd of the background)", ylabel="picks", title=title)
    for axis in axes[len(panels) + 1 :]:
        axis.set_axis_off()
    return figure


def _circles(axis: "Axes", panel: Panel) -> None:
    from matplotlib.collections import EllipseCollection

    low, high = np.percentile(panel.image, (0.5, 99.5))
    axis.imshow(panel.image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    if len(panel.xy):
        size = np.full(len(panel.xy), 2 * panel.radius)
        axis.add_collection(
            EllipseCollection(size, size, np.zeros(len(size)), units="x", offsets=panel.xy, facecolors="none",
                              offset_transform=axis.transData, edgecolors=_KEPT, linewidths=0.9)
        )  # fmt: skip
    axis.set(title=f"{panel.name}: {len(panel.xy)}", xticks=[], yticks=[])


def score_and_power(
    score: np.ndarray, power: np.ndarray | None, kept: np.ndarray, limits: dict[str, float | None],
) -> "Figure":  # fmt: skip
    """Scatter of score against local power with the limits drawn, and both histograms.

    kept: mask of the picks that stay; limits: ``min_score``, ``min_power``, ``max_power``, None where there is none.
    """
    figure = open_figure(9, 4.4)
    left, right = figure.subplots(1, 2)
    bins = np.histogram_bin_edges(score, 60)
    left.hist([score[kept], score[~kept]], bins=bins, stacked=True, color=[_KEPT, _LEFT], label=["kept", "left out"])
    left.set(xlabel="score (sd of the background)", ylabel="picks", title=f"{int(kept.sum())} of {len(kept)} kept")
    left.legend()
    if limits.get("min_score") is not None:
        left.axvline(limits["min_score"], color="k", lw=0.8)
    if power is None:
        right.set_axis_off()
        return figure
    for mask, colour in ((~kept, _LEFT), (kept, _KEPT)):
        right.scatter(score[mask], power[mask], s=4, color=colour, alpha=0.4, linewidths=0)
    right.set(xlabel="score (sd of the background)", ylabel="local power (1 is usual)", yscale="log")
    for which in (right.yaxis.set_major_formatter, right.yaxis.set_minor_formatter):
        which("{x:g}")
    if limits.get("min_score") is not None:
        right.axvline(limits["min_score"], color="k", lw=0.8)
    for name in ("min_power", "max_power"):
        if limits.get(name) is not None:
            right.axhline(limits[name], color="k", lw=0.8)
    return figure
