"""Directions at a glance: curves in cones, and what each direction has on a map of the sphere."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot import figure as figures
from spa.plot import views
from spa.plot.fsc import resolution_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DIRECTIONS = "resolution (Å)"


def overview(
    points: np.ndarray, curves: np.ndarray | None, fields: Mapping[str, np.ndarray],
    shown: tuple[np.ndarray, np.ndarray, np.ndarray] | None, title: str = "", width: float = 0.0,
) -> "Figure":  # fmt: skip
    """curves (v, shells) of cones about points (v, 3); fields: their values; shown: rot, tilt (radians), operators.

    width: of the curves' box, angstroms.
    """
    figure = figures.open_figure(12, 4.6 if curves is None or shown is None else 8.4)
    count = 2 * (curves is not None) + 1 * (shown is not None)
    grid = figure.add_gridspec(2 if count == 3 else 1, 2)
    place = 0
    if curves is not None:
        _curves(figure.add_subplot(grid[0, 0]), curves, width)
        globe = figure.add_subplot(grid[0, 1], projection="mollweide")
        _sphere(figure, globe, points, fields[_DIRECTIONS], _DIRECTIONS)
        place = 1
    if shown is not None:
        axes = figure.add_subplot(grid[place, :], projection="mollweide")
        views.draw(figure, axes, shown[0], shown[1], "", shown[2])
    figure.suptitle(title, fontsize=9)
    return figure


def _curves(axes: Any, curves: np.ndarray, width: float) -> None:
    frequency, curves = np.arange(1, curves.shape[1]) / width, curves[:, 1:]  # the mean's sign is nobody's correlation
    low, high = curves.min(0), curves.max(0)
    axes.fill_between(frequency, low, high, color="tab:blue", alpha=0.2, label="all cones")
    middle, spread = curves.mean(0), curves.std(0)
    axes.fill_between(frequency, middle - spread, middle + spread, color="tab:blue", alpha=0.4, label="one deviation")
    axes.plot(frequency, middle, color="black", label="mean")
    axes.axhline(0.143, color="0.6", linewidth=0.8)
    axes.set_xlim(0, frequency[-1])
    axes.set_ylim(min(-0.1, float(low.min())), 1.03)
    resolution_ticks(axes, frequency[-1])
    axes.set_ylabel("conical FSC")
    axes.legend(fontsize=8)


def _sphere(figure: Any, axes: Any, points: np.ndarray, values: np.ndarray, name: str) -> None:
    """Each cell of a map of the sphere has the value of the nearest of the directions of an icosphere's vertices."""
    rot = np.linspace(-np.pi, np.pi, 145)
    latitude = np.linspace(-np.pi / 2, np.pi / 2, 73)
    across, up = np.meshgrid((rot[:-1] + rot[1:]) / 2, (latitude[:-1] + latitude[1:]) / 2)
    sight = np.stack([np.cos(across) * np.cos(up), np.sin(across) * np.cos(up), np.sin(up)], -1)
    nearest = (sight.reshape(-1, 3) @ points.T).argmax(1).reshape(across.shape)
    mesh = axes.pcolormesh(rot, latitude, values[nearest], cmap="viridis_r", rasterized=True)
    axes.set_xticks([])
    axes.set_yticks(np.deg2rad([60, 30, 0, -30, -60]), ["30°", "60°", "90°", "120°", "150°"])
    axes.set_title(f"{name}: rot across, tilt down")
    figure.colorbar(mesh, ax=axes, shrink=0.7)
