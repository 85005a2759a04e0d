"""Motion: the paths of patches drawn on the sums, and how far all movies moved."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spa.plot.figure import bare, open_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LENGTH = 0.12  # of the picture's width, for the longest path
_TOTAL, _EARLY = "#2b6ca3", "#d9822b"


@dataclass(frozen=True, eq=False)
class Panel:
    """One movie: a small picture (ny, nx); points (p, 2) x y in its pixels; paths (p, n, 2), whole (n, 2) in A."""

    name: str
    image: np.ndarray
    points: np.ndarray
    paths: np.ndarray
    whole: np.ndarray


def over_micrographs(panels: list[Panel], total: np.ndarray, early: np.ndarray) -> "Figure":
    """Paths of places of the frame, what is local made longer; the path of the whole frame; all movies' motion."""
    rows = len(panels) + 1
    figure = open_figure(9.2, 4.4 * rows)
    axes = figure.subplots(rows, 2, squeeze=False)
    for (left, right), panel in zip(axes, panels):
        _paths(left, panel)
        _whole(right, panel)
    left, right = axes[-1]
    numbers = np.arange(1, len(total) + 1)
    left.plot(numbers, total, "o-", ms=3, lw=0.8, color=_TOTAL, label="total")
    left.plot(numbers, early, "o-", ms=3, lw=0.8, color=_EARLY, label="early")
    left.set(xlabel="movie", ylabel="motion (Å)", ylim=(0, None), title=f"{len(total)} movies")
    left.legend()
    right.hist([total, early], bins=30, color=[_TOTAL, _EARLY], label=["total", "early"])
    right.set(xlabel="motion (Å)", ylabel="movies")
    return figure


def _paths(axis: "Axes", panel: Panel) -> None:
    low, high = np.percentile(panel.image, (1, 99))
    axis.imshow(panel.image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    local = panel.paths - panel.paths.mean(0)
    longest = float(np.hypot(*np.moveaxis(local, -1, 0)).max())
    scale = _LENGTH * panel.image.shape[1] / max(longest, 1.0)
    for point, path in zip(panel.points, local):
        line = point + scale * path
        axis.plot(line[:, 0], line[:, 1], color=_EARLY, lw=1.1)
        axis.plot(line[-1, 0], line[-1, 1], ".", color=_EARLY, ms=3)
    title = f"{panel.name}\nlocal motion, longest {longest:.2f} Å"
    bare(axis)
    axis.set(title=title, xlim=(0, panel.image.shape[1]), ylim=(panel.image.shape[0], 0))


def _whole(axis: "Axes", panel: Panel) -> None:
    x, y = panel.whole.T
    axis.plot(x, y, "o-", ms=2.5, lw=0.9, color=_TOTAL)
    axis.plot(x[:1], y[:1], "o", ms=6, mfc="none", color="k")
    steps = np.hypot(*np.diff(panel.whole, axis=0).T).sum()
    axis.set(xlabel="x (Å)", ylabel="y (Å)", title=f"whole frame, {steps:.1f} Å in {len(x)} frames")
    axis.set_aspect("equal", adjustable="datalim")
    axis.invert_yaxis()
