"""A density that bends: where particles lie, how far its parts move, and what that is worth."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot.figure import bare, open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def overview(
    latent: np.ndarray, way: np.ndarray, maps: list[np.ndarray], curve: np.ndarray, rigid: np.ndarray, pixel_size: float
) -> "Figure":
    """latent (n, q) and way (m, q), the curve through all; maps: density, motion and its error in angstroms (n, n, n);
    FSC with motions and without (n//2+1,)."""
    figure = open_figure(11.5, 6.0)
    axes = figure.subplots(2, 4)
    density, size, error = maps
    _crowd(axes[0, 0], latent, way)
    _curves(axes[1, 0], curve, rigid, 2 * (len(density) // 2) * pixel_size)
    top = max(float(size.max()), 1e-6)
    for column, axis in enumerate(range(3), 1):
        flat = density.sum(axis=axis)
        shown = flat > 0.1 * flat.max()
        for row, (values, name) in enumerate(((size, "moves, Å"), (error, "halves differ, Å"))):
            panel = axes[row, column]
            panel.imshow(flat, origin="lower", cmap="gray")
            picture = panel.imshow(np.where(shown, values.max(axis=axis), np.nan), vmin=0, vmax=top, origin="lower",
                                   cmap="viridis", alpha=0.75)  # fmt: skip
            panel.set_title(f"along {'zyx'[axis]}: {name}", fontsize=8)
            bare(panel)
            if column == 3:
                bar = figure.colorbar(picture, ax=panel, fraction=0.05)
                bar.ax.tick_params(labelsize=6)
    return figure


def _crowd(axes: Any, latent: np.ndarray, way: np.ndarray) -> None:
    """The first two coordinates, or the one that there is."""
    ends = [tuple(np.quantile(column, [0.002, 0.998])) for column in latent.T[:2]]
    if latent.shape[1] == 1:
        axes.hist(latent[:, 0], bins=60, range=ends[0], color="#4a7ab0")
    else:
        axes.hist2d(latent[:, 0], latent[:, 1], bins=60, range=ends, cmap="magma")
        axes.plot(way[:, 0], way[:, 1], color="#7fd0ff", linewidth=1)
    axes.set_title("coordinates", fontsize=8)
    axes.tick_params(labelsize=6)


def _curves(axes: Any, curve: np.ndarray, rigid: np.ndarray, width: float) -> None:
    shells = np.arange(len(curve)) / width
    axes.plot(shells, rigid, color="#b04a4a", linewidth=1, label="without motions")
    axes.plot(shells, curve, color="black", linewidth=1, label="with motions")
    axes.axhline(0.143, color="gray", linewidth=0.5)
    axes.set_title("FSC of halves", fontsize=8)
    axes.set_xlabel("1/Å", fontsize=7)
    axes.legend(fontsize=6)
    axes.tick_params(labelsize=6)
