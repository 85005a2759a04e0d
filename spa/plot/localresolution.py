"""A map coloured by its local resolution: slices, a shaded surface, and the histogram in the mask."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot import figure as figures
from spa.plot.surface import coloured, particle, surface_level

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_AXES = ("z", "y", "x")


def overview(
    volume: np.ndarray, field: np.ndarray, mask: np.ndarray, pixel_size: float, title: str = ""
) -> "Figure":  # fmt: skip
    """Slices of the field (n, n, n; angstroms) through the middle of the mask and within it, the map's surface in its
    colours, and its histogram."""
    figure = figures.open_figure(11, 7)
    axes: Any = figure.subplots(2, 3)
    inside = field[mask > 0.5]
    low, high = np.quantile(inside, (0.02, 0.98))
    high = max(high, low + 0.1)
    centre = np.rint(np.argwhere(mask > 0.5).mean(axis=0)).astype(int)
    picture: Any = None
    for axis, name in enumerate(_AXES):
        cut, where = np.take(field, centre[axis], axis), np.take(mask, centre[axis], axis) > 0.5
        picture = axes[0, axis].imshow(
            np.where(where, cut, np.nan), vmin=low, vmax=high, cmap="turbo", origin="lower", interpolation="nearest"
        )
        axes[0, axis].set_title(f"slice, {name} = {(centre[axis] - len(field) // 2) * pixel_size:.0f} Å")
    level = surface_level(volume, mask)
    shown = particle(volume, level, mask)  # solvent has no local resolution
    for place, axis in ((0, 0), (1, 1)):
        axes[1, place].imshow(coloured(shown, level, axis, field, low, high), origin="lower")
        axes[1, place].set_title(f"surface at {level:.3g}, seen along {_AXES[axis]}")
    figures.bare(*axes[0], *axes[1, :2])
    figure.colorbar(picture, ax=list(axes[0]), label="local resolution (Å)", shrink=0.9)
    axes[1, 2].hist(inside, bins=50, range=(float(inside.min()), float(inside.max()) + 1e-3), color="tab:gray")
    axes[1, 2].axvline(float(np.median(inside)), color="tab:red", linestyle="--", linewidth=1.2)
    axes[1, 2].set_xlabel("local resolution in the mask (Å)")
    axes[1, 2].set_title(f"median {np.median(inside):.2f} Å")
    figure.suptitle("\n".join(filter(None, [title, f"{len(field)} pixels of {pixel_size:.4g} Å"])), fontsize=9)
    return figure
