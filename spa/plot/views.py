"""The distribution of views over the sphere."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot import figure as figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS, ROWS = 72, 36
FINE = 180  # rows that are drawn


def histogram(rot: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    """Views (radians) a cell of equal solid angle, relative to uniform views: (ROWS, COLUMNS), tilt from 0 down."""
    counts, _, _ = np.histogram2d(
        np.cos(tilt), np.mod(rot + np.pi, 2 * np.pi) - np.pi, (ROWS, COLUMNS), ((-1, 1), (-np.pi, np.pi))
    )
    return counts[::-1] * (ROWS * COLUMNS / max(len(rot), 1))


def smooth(cells: np.ndarray) -> np.ndarray:
    """A 3 x 3 mean, periodic in rot."""
    wide = np.concatenate([cells[:, -1:], cells, cells[:, :1]], 1)
    wide = np.concatenate([wide[:1], wide, wide[-1:]], 0)
    return np.mean([wide[i : i + ROWS, j : j + COLUMNS] for i in range(3) for j in range(3)], 0)


def copies(rot: np.ndarray, tilt: np.ndarray, operators: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """rot and tilt (radians) of every view and its symmetry copies under operators (g, 3, 3)."""
    sight = np.stack([np.cos(rot) * np.sin(tilt), np.sin(rot) * np.sin(tilt), np.cos(tilt)], -1)
    x, y, z = np.einsum("ni,gij->jgn", sight, operators).reshape(3, -1)
    return np.arctan2(y, x), np.arccos(np.clip(z, -1, 1))


def sphere(rot: np.ndarray, tilt: np.ndarray, title: str = "", operators: np.ndarray | None = None) -> "Figure":
    """Density of views (rot, tilt in radians) on an equal-area map of the sphere; 1 is uniform.

    With the operators (g, 3, 3) of a point group every view is drawn with its symmetry copies.
    """
    figure = figures.open_figure(8, 4.4)
    draw(figure, figure.add_subplot(projection="mollweide"), rot, tilt, title, operators)
    return figure


def draw(
    figure: Any, axes: Any, rot: np.ndarray, tilt: np.ndarray, title: str = "", operators: np.ndarray | None = None
) -> None:
    """The same on Mollweide axes of a larger figure."""
    count = len(rot)
    if operators is not None:
        rot, tilt = copies(rot, tilt, operators)
    longitude = np.linspace(-np.pi, np.pi, COLUMNS + 1)
    latitude = np.linspace(np.pi / 2, -np.pi / 2, FINE + 1)  # finer than the cells, so that the poles are round
    row = (1 - np.sin((latitude[:-1] + latitude[1:]) / 2)) / 2 * ROWS
    cells = smooth(histogram(rot, tilt))[row.astype(int)]
    mesh = axes.pcolormesh(longitude, latitude, cells, cmap="viridis", vmin=0, shading="flat", rasterized=True)
    axes.grid(True, color="white", linewidth=0.3, alpha=0.6)
    axes.set_yticks(np.deg2rad([60, 30, 0, -30, -60]), ["30°", "60°", "90°", "120°", "150°"])
    axes.set_xticks(np.deg2rad([-120, -60, 0, 60, 120]), ["-120°", "-60°", "0°", "60°", "120°"], color="white")
    axes.set_title("\n".join(filter(None, [title, f"{count} views: rot across, tilt down"])), fontsize=9)
    figure.colorbar(mesh, ax=axes, shrink=0.75, label="views, relative to uniform")
