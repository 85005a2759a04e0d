"""Picks over their micrographs, and scores against local power."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spa.plot.figure import bare, open_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KEPT, _LEFT = "#e66101", "#5e3c99"


@dataclass(frozen=True)
class Panel:
    """One micrograph: a small image (ny, nx); xy (n, 2) and radius in its pixels."""

    name: str
    image: np.ndarray
    xy: np.ndarray
    radius: float


def over_micrographs(panels: list[Panel], all_scores: np.ndarray, unit: str) -> "Figure":
    """Circles about the picks of some micrographs, and the scores of all, in that unit."""
    figure, axes = _grid(len(panels) + 1)
    for axis, panel in zip(axes, panels):
        _circles(axis, panel)
    axes[len(panels)].hist(all_scores, bins=60, color=_KEPT)
    title = f"{len(all_scores)} picks in all"
    axes[len(panels)].set(xlabel=f"score ({unit})", ylabel="picks", title=title)
    return figure


def masked_micrographs(
    panels: list[tuple[str, np.ndarray, np.ndarray]], share: np.ndarray, content: np.ndarray
) -> "Figure":
    """Titles, small images (ny, nx) and masks (any size) laid over them; share of junk against content of all."""
    figure, axes = _grid(len(panels) + 1)
    for axis, (title, image, mask) in zip(axes, panels):
        _image(axis, image, title)
        ny, nx = image.shape
        over = np.ma.masked_where(~mask, np.ones(mask.shape))
        axis.imshow(over, cmap="autumn", alpha=0.45, extent=(-0.5, nx - 0.5, ny - 0.5, -0.5), interpolation="nearest")
    axes[len(panels)].scatter(content, 100 * share, s=12, color=_KEPT, linewidths=0)
    axes[len(panels)].set(xlabel="content (0: empty)", ylabel="junk, %", title=f"{len(share)} micrographs")
    return figure


def _grid(count: int) -> "tuple[Figure, list[Axes]]":
    """A figure of so many square panels, three a row."""
    columns = min(3, count)
    rows = -(-count // columns)
    figure = open_figure(4.6 * columns, 4.6 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, axes[:count]


def _image(axis: "Axes", image: np.ndarray, title: str) -> None:
    low, high = np.percentile(image, (0.3, 99.7))
    axis.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), interpolation="nearest")
    axis.set_title(title)
    bare(axis)


def _circles(axis: "Axes", panel: Panel) -> None:
    from matplotlib.collections import EllipseCollection

    _image(axis, panel.image, f"{panel.name}: {len(panel.xy)}")
    if len(panel.xy):
        size = np.full(len(panel.xy), 2 * panel.radius)
        axis.add_collection(
            EllipseCollection(size, size, np.zeros(len(size)), units="x", offsets=panel.xy, facecolors="none",
                              offset_transform=axis.transData, edgecolors=_KEPT, linewidths=0.9)
        )  # fmt: skip
        ny, nx = panel.image.shape
        axis.set(xlim=(-0.5, nx - 0.5), ylim=(ny - 0.5, -0.5))  # picks on the edge do not widen the frame


def score_and_power(
    score: np.ndarray, power: np.ndarray | None, kept: np.ndarray, limits: dict[str, float | None],
    level: np.ndarray | None = None,
) -> "Figure":  # fmt: skip
    """The histogram of the scores, and scatters of score against local power and density, with the limits drawn.

    kept: mask of the picks that stay; limits: ``min_score``, ``min_power``, ``max_power``, ``max_level``, None where
    there is none.
    """
    sides = [("local power (1 is usual)", power, ("min_power", "max_power")),
             ("density (sd of all places)", level, ("max_level",))]  # fmt: skip
    figure = open_figure(9 if level is None else 13, 4.4)
    left, *rest = figure.subplots(1, 2 if level is None else 3)
    bins = np.histogram_bin_edges(score, 60)
    left.hist([score[kept], score[~kept]], bins=bins, stacked=True, color=[_KEPT, _LEFT], label=["kept", "left out"])
    left.set(xlabel="score (sd of the background)", ylabel="picks", title=f"{int(kept.sum())} of {len(kept)} kept")
    left.legend()
    if limits.get("min_score") is not None:
        left.axvline(limits["min_score"], color="k", lw=0.8)
    for axis, (label, values, names) in zip(rest, sides):
        if values is None:
            axis.set_axis_off()
            continue
        for mask, colour in ((~kept, _LEFT), (kept, _KEPT)):
            axis.scatter(score[mask], values[mask], s=4, color=colour, alpha=0.4, linewidths=0)
        axis.set(xlabel="score (sd of the background)", ylabel=label)
        if limits.get("min_score") is not None:
            axis.axvline(limits["min_score"], color="k", lw=0.8)
        for name in names:
            if limits.get(name) is not None:
                axis.axhline(limits[name], color="k", lw=0.8)
    if power is not None:
        rest[0].set_yscale("log")
        for which in (rest[0].yaxis.set_major_formatter, rest[0].yaxis.set_minor_formatter):
            which("{x:g}")
    return figure
