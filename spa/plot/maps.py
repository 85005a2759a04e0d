"""A map: three orthogonal slices through the centre, three projections, with a scale bar, and its surface."""

from typing import TYPE_CHECKING

import numpy as np

from spa.plot import figure as figures
from spa.plot import surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AXES = ("z", "y", "x")  # the axis that a view looks along, in array order
_BARS = np.array([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000])


def sections(volume: np.ndarray, pixel_size: float, title: str = "", mask: np.ndarray | None = None) -> "Figure":
    """Slices, projections and the lit surface of a map (n, n, n) along z, y and x, with a mask's outline."""
    figure = figures.open_figure(9, 9.6)
    grid = figure.subplots(3, 3)
    draw(grid[:2], volume, pixel_size, mask)
    draw_surfaces(grid[2], volume, mask)
    figure.suptitle("\n".join(filter(None, [title, f"{len(volume)} pixels of {pixel_size:.4g} Å"])), fontsize=9)
    return figure


def draw(grid: np.ndarray, volume: np.ndarray, pixel_size: float, mask: np.ndarray | None = None) -> None:
    """The same on (2, 3) axes of a larger figure."""
    middle = len(volume) // 2
    for axis, name in enumerate(_AXES):
        _picture(grid[0, axis], np.take(volume, middle, axis), pixel_size, f"slice, {name} = 0")
        if mask is not None:
            grid[0, axis].contour(np.take(mask, middle, axis), [0.5], colors=["tab:orange"], linewidths=0.9)
    draw_projections(grid[1], volume, pixel_size, mask)


def draw_projections(
    row: "np.ndarray", volume: np.ndarray, pixel_size: float, mask: np.ndarray | None = None
) -> None:
    """The projections alone, on (3,) axes."""
    for axis, name in enumerate(_AXES):
        _picture(row[axis], volume.sum(axis), pixel_size, f"projection along {name}")
        if mask is not None:
            row[axis].contour(mask.max(axis), [0.5], colors=["tab:orange"], linewidths=0.9)


def draw_surfaces(row: "np.ndarray", volume: np.ndarray, mask: np.ndarray | None = None) -> None:
    """The surface seen along each axis, on (3,) axes: what is within the mask of it, where there is one."""
    level = surface.surface_level(volume, mask)
    shown = volume if mask is None else surface.particle(volume, level, mask)
    for axis, name in enumerate(_AXES):
        row[axis].imshow(surface.grey(shown, level, axis), origin="lower")
        row[axis].set_title(f"surface at {level:.3g}, along {name}")
        figures.bare(row[axis])


def _picture(axes: "Axes", image: np.ndarray, pixel_size: float, title: str) -> None:
    low, high = np.quantile(image, [0.002, 0.998])
    axes.imshow(image, vmin=low, vmax=max(high, low + 1e-12), origin="lower", interpolation="nearest")
    axes.set_title(title)
    figures.bare(axes)
    side = image.shape[1]
    length = _BARS[np.searchsorted(_BARS, max(1.0, side * pixel_size / 3), "right") - 1]
    start, level = 0.05 * side, 0.05 * side
    axes.plot([start, start + length / pixel_size], [level, level], color="white", linewidth=2.5, solid_capstyle="butt")
    axes.text(start, level + 0.02 * side, f"{length} Å", color="white", fontsize=8, va="bottom")
