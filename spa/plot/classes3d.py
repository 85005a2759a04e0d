"""3-D classes: slices of each map and of what it differs in, and how the assignments settled."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot.figure import bare, open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE = 1.5  # inches of one slice
_MOST = 24  # classes that are shown


def overview(
    maps: np.ndarray, differences: np.ndarray, titles: Sequence[str], pixel_size: float, sizes: np.ndarray,
    changed: np.ndarray, entropy: np.ndarray,
) -> "Figure":  # fmt: skip
    """maps and differences (k, n, n, n); titles of the classes; sizes (iterations, k) and changed (iterations,).

    entropy (particles,) of the posteriors, natural units.
    """
    shown = min(len(maps), _MOST)
    figure = open_figure(_SIDE * 6 + 3.4, max(_SIDE * shown + 0.5, 5.2))
    parts: Any = figure.subfigures(1, 2, width_ratios=(_SIDE * 6, 3.4))
    _slices(parts[0], maps[:shown], differences[:shown], titles, pixel_size)
    top, middle, bottom = parts[1].subplots(3, 1)
    iterations = np.arange(1, len(sizes) + 1)
    for number, column in enumerate(sizes.T[:shown], 1):
        top.plot(iterations, 100 * column / sizes.sum(axis=1), marker=".", label=str(number))
    top.set_title("particles in each class, %")
    top.set_ylim(bottom=0)
    if shown <= 10:
        top.legend(fontsize=7, ncols=2)
    middle.semilogy(iterations[1:], np.maximum(100 * changed[1:], 1e-3), marker=".", color="black")
    for formatted in (middle.yaxis.set_major_formatter, middle.yaxis.set_minor_formatter):
        formatted(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "125" else "")
    middle.set_title("particles that changed class, %")
    for axes in (top, middle):
        axes.set_xlabel("iteration", fontsize=8)
        axes.locator_params(axis="x", integer=True)
    bottom.hist(entropy, bins=40, range=(0, np.log(max(len(maps), 2))), color="#4a7ab0")
    bottom.set_title("entropy of a particle's classes")
    bottom.set_yscale("log")
    return figure


def _slices(figure: Any, maps: np.ndarray, differences: np.ndarray, titles: Sequence[str], pixel_size: float) -> None:
    """Each class in a row: its three central slices, and those of its difference, all classes in one grey scale."""
    grid = figure.subplots(len(maps), 6, squeeze=False)
    middle = maps.shape[1] // 2
    low, high = np.quantile(maps[:, middle], [0.002, 0.998])
    most = max(float(np.abs(differences).max()), 1e-30)
    for row, volume, difference, title in zip(grid, maps, differences, titles):
        for axis, name in enumerate("zyx"):
            row[axis].imshow(np.take(volume, middle, axis), vmin=low, vmax=high, origin="lower")
            strongest = int(np.abs(difference).sum(axis=tuple(a for a in range(3) if a != axis)).argmax())
            picture = np.take(difference, strongest, axis)
            row[3 + axis].imshow(picture, vmin=-most, vmax=most, origin="lower", cmap="RdBu")
            row[3 + axis].set_title(f"difference, {name} = {(strongest - middle) * pixel_size:.0f} Å", fontsize=7)
            row[axis].set_title(f"{name} = 0", fontsize=7)
        row[0].set_ylabel(title, fontsize=7)
    bare(*grid.ravel())


def maps_of_classes(
    maps: np.ndarray, titles: Sequence[str], curves: np.ndarray, pixel_size: float, entropy: np.ndarray
) -> "Figure":
    """maps (k, n, n, n): central slices and projections; curves (k, n//2+1): their FSC; entropy (particles,)."""
    shown = min(len(maps), _MOST)
    figure = open_figure(_SIDE * 6 + 3.4, max(_SIDE * shown + 0.5, 5.2))
    parts: Any = figure.subfigures(1, 2, width_ratios=(_SIDE * 6, 3.4))
    grid = parts[0].subplots(shown, 6, squeeze=False)
    for row, volume, title in zip(grid, maps, titles):
        for axis, name in enumerate("zyx"):
            row[axis].imshow(np.take(volume, len(volume) // 2, axis), origin="lower")
            row[axis].set_title(f"{name} = 0", fontsize=7)
            row[3 + axis].imshow(volume.sum(axis), origin="lower")
            row[3 + axis].set_title(f"along {name}", fontsize=7)
        row[0].set_ylabel(title, fontsize=7)
    bare(*grid.ravel())
    top, bottom = parts[1].subplots(2, 1)
    shells = np.arange(1, curves.shape[1])
    for number, curve in enumerate(curves[:shown], 1):
        top.plot(shells / (maps.shape[1] * pixel_size), curve[1:], label=str(number))
    top.axhline(0.143, color="gray", linewidth=0.8)
    top.set_title("FSC of half maps")
    top.set_xlabel("1/Å", fontsize=8)
    if shown <= 10:
        top.legend(fontsize=7, ncols=2)
    bottom.hist(entropy, bins=40, range=(0, np.log(max(len(maps), 2))), color="#4a7ab0")
    bottom.set_title("entropy of a particle's classes")
    bottom.set_yscale("log")
    return figure
