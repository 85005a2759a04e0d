"""Latent coordinates: where particles lie, what components look like, and whether they are more than chance."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 4  # components
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
        row[axis].set_xticks([])
        row[axis].set_yticks([])
    row[0].set_ylabel(title, fontsize=7)


def density(latent: np.ndarray, names: list[str], points: np.ndarray | None = None, kept: np.ndarray | None = None
            ) -> "Figure":  # fmt: skip
    """Densities of pairs of latents (n, q); points (m, q) marked and joined; kept (n,) bool: particles that stay."""
    count = min(latent.shape[1], _SHOWN)
    panels = [(j, k) for j in range(count) for k in range(j)] or [(0, 0)]
    figure = open_figure(3.2 * len(panels), 3.1)
    for axes, (j, k) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        ends = [tuple(np.quantile(latent[:, i], [0.002, 0.998])) for i in (k, j)]
        if j == k:
            axes.hist(latent[:, k], bins=60, range=ends[0], color="#4a7ab0")
            if kept is not None:
                axes.hist(latent[kept, k], bins=60, range=ends[0], color="#b04a4a")
            for point in [] if points is None else points:
                axes.axvline(point[k], color="black", linewidth=0.8)
        else:
            axes.hist2d(latent[:, k], latent[:, j], bins=70, range=list(ends), cmap="magma")
            if kept is not None:
                axes.scatter(latent[kept, k][:4000], latent[kept, j][:4000], s=1, color="#7fd0ff", linewidths=0)
            if points is not None:
                axes.plot(points[:, k], points[:, j], marker="o", color="white", markersize=3, linewidth=0.8)
            axes.set_ylabel(names[j], fontsize=8)
        axes.set_xlabel(names[k], fontsize=8)
    return figure
