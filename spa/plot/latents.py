"""Latent coordinates: where particles lie, what components look like, and whether they are more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot.figure import bare, open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 4  # components
_ACROSS = 4  # panels in a row
_DRAWN = 20000  # particles of a plane, about
_SIDE = 2.3  # inches of a panel


def overview(
    latent: np.ndarray, maps: np.ndarray, pixel_size: float, share: np.ndarray, gain: np.ndarray, error: np.ndarray,
    chance: float, cluster: np.ndarray | None = None, way: np.ndarray | None = None,
) -> "Figure":  # fmt: skip
    """latent (n, q); maps (q + 1, n, n, n), the mean first; share and gain, error (q,) of components; cluster (n,);
    way (m, q): the curve through all."""
    shown = min(latent.shape[1], _SHOWN)
    figure = open_figure(_SIDE * (shown + 4) + 0.5, max(_SIDE * shown, 2 * _SIDE))
    parts: Any = figure.subfigures(1, 2, width_ratios=(_SIDE * shown, _SIDE * 4))
    grid = parts[0].subplots(shown, shown, squeeze=False)
    _pairs(grid, latent[:, :shown], cluster, way)
    rows = parts[1].subplots(max(shown, 2), 4, squeeze=False)
    for k in range(shown):
        _component(rows[k], maps[0], maps[k + 1], f"{k + 1}: {100 * share[k]:.0f} %", pixel_size)
    for row in rows[shown:]:
        for axes in row[:3]:
            axes.axis("off")
    for axes in rows[1:, 3]:
        axes.axis("off")
    top = rows[0, 3]
    number = np.arange(1, len(gain) + 1)
    top.errorbar(number, gain, yerr=3 * error, marker=".", color="black", label="other half")
    top.axhline(chance, color="#b04a4a", linewidth=1, label="shuffled")
    top.set_title("gain, log units a particle", fontsize=7)
    top.set_xlabel("components", fontsize=7)
    top.locator_params(axis="x", integer=True)
    top.legend(fontsize=6)
    return figure


def _pairs(grid: np.ndarray, latent: np.ndarray, cluster: np.ndarray | None, way: np.ndarray | None) -> None:
    """Histograms on the diagonal, densities below it, clusters above it."""
    count = latent.shape[1]
    ends = [np.quantile(column, [0.002, 0.998]) for column in latent.T]
    for j in range(count):
        for k in range(count):
            axes = grid[j, k]
            axes.tick_params(labelsize=6)
            if j == k:
                axes.hist(latent[:, k], bins=60, range=tuple(ends[k]), color="#4a7ab0")
                axes.set_title(f"latent {k + 1}", fontsize=8)
                axes.set_yticks([])
            elif j > k:
                axes.hist2d(latent[:, k], latent[:, j], bins=60, range=[tuple(ends[k]), tuple(ends[j])], cmap="magma")
                if way is not None:
                    axes.plot(way[:, k], way[:, j], color="#7fd0ff", linewidth=1)
            elif cluster is None:
                axes.axis("off")
            else:
                step = max(1, len(latent) // 4000)
                axes.scatter(latent[::step, k], latent[::step, j], c=cluster[::step], s=1.5, cmap="tab10", linewidths=0)
                axes.set_xlim(ends[k])
                axes.set_ylim(ends[j])


def _component(row: np.ndarray, mean: np.ndarray, component: np.ndarray, title: str, pixel_size: float) -> None:
    """The plane of each direction in which a component is strongest, over the mean."""
    middle, most = len(mean) // 2, max(float(np.abs(component).max()), 1e-30)
    for axis, name in enumerate("zyx"):
        rest = tuple(a for a in range(3) if a != axis)
        at = int(np.abs(component).sum(axis=rest).argmax())
        row[axis].imshow(np.take(mean, at, axis), origin="lower", cmap="gray")
        row[axis].imshow(np.take(component, at, axis), vmin=-most, vmax=most, origin="lower", cmap="RdBu", alpha=0.7)
        row[axis].set_title(f"{name} = {(at - middle) * pixel_size:.0f} Å", fontsize=7)
        bare(row[axis])
    row[0].set_ylabel(title, fontsize=7)


@dataclass(frozen=True, eq=False)
class Plane:
    """Particles in a plane: place (n, 2), and what its axes are."""

    place: np.ndarray
    across: str
    up: str


def density(
    latent: np.ndarray, names: list[str], points: np.ndarray | None = None, kept: np.ndarray | None = None,
    cluster: np.ndarray | None = None, planes: Sequence[Plane] = (),
) -> "Figure":  # fmt: skip
    """Pairs of latents (n, q) and planes of all; points (m, q) marked and joined; kept (n,) bool: particles that stay;
    cluster (n,): their colours, densities where there is none."""
    count = min(latent.shape[1], _SHOWN)
    pairs = [(j, k) for j in range(count) for k in range(j)]
    panels = [Plane(latent[:, (k, j)], names[k], names[j]) for j, k in pairs] + list(planes)
    across = min(max(len(panels), 1), _ACROSS)
    down = -(-max(len(panels), 1) // across)
    figure = open_figure(3.2 * across, 3.1 * down)
    grid = figure.subplots(down, across, squeeze=False).ravel()
    if not panels:
        _line(grid[0], latent[:, 0], names[0], points, kept)
    for number, (axes, panel) in enumerate(zip(grid, panels)):
        _plane(axes, panel, kept, cluster)
        if points is not None and number < len(pairs):
            j, k = pairs[number]
            axes.plot(points[:, k], points[:, j], marker="o", color="black" if cluster is not None else "white",
                      markersize=3, linewidth=0.8)  # fmt: skip
    for axes in grid[max(len(panels), 1) :]:
        axes.axis("off")
    return figure


def _line(axes: Any, values: np.ndarray, name: str, points: np.ndarray | None, kept: np.ndarray | None) -> None:
    """One coordinate alone."""
    ends = tuple(np.quantile(values, [0.002, 0.998]))
    axes.hist(values, bins=60, range=ends, color="#4a7ab0")
    if kept is not None:
        axes.hist(values[kept], bins=60, range=ends, color="#b04a4a")
    for point in [] if points is None else points:
        axes.axvline(point[0], color="black", linewidth=0.8)
    axes.set_xlabel(name, fontsize=8)


def _plane(axes: Any, plane: Plane, kept: np.ndarray | None, cluster: np.ndarray | None) -> None:
    """A density, or clusters in their colours with their numbers; what is kept over it."""
    x, y = plane.place.T
    ends = [tuple(np.quantile(values, [0.002, 0.998])) for values in (x, y)]
    if cluster is None:
        axes.hist2d(x, y, bins=70, range=ends, cmap="magma")
    else:
        step = max(1, len(x) // _DRAWN)
        axes.scatter(x[::step], y[::step], c=cluster[::step] % 10, vmin=0, vmax=9, s=1.5, cmap="tab10", linewidths=0)
        for number in np.unique(cluster):
            here = cluster == number
            axes.annotate(str(number + 1), (np.median(x[here]), np.median(y[here])), fontsize=8, ha="center",
                          bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.7})  # fmt: skip
        pad = [0.05 * (high - low) for low, high in ends]
        axes.set_xlim(ends[0][0] - pad[0], ends[0][1] + pad[0])
        axes.set_ylim(ends[1][0] - pad[1], ends[1][1] + pad[1])
    if kept is not None:
        axes.scatter(x[kept][:4000], y[kept][:4000], s=1, color="black" if cluster is not None else "#7fd0ff",
                     linewidths=0)  # fmt: skip
    axes.set_xlabel(plane.across, fontsize=8)
    axes.set_ylabel(plane.up, fontsize=8)
    axes.tick_params(labelsize=6)
