"""Resolution over the number of particles, with the line of Rosenthal and Henderson and its spread."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def henderson(
    counts: np.ndarray, resolutions: np.ndarray, lines: np.ndarray | None, wanted: Sequence[float] = ()
) -> "Figure":
    """Points (p,); lines (k, 2): offset and slope of 1/d^2 over ln N, the fitted one first; wanted: angstroms."""
    figure = open_figure(7, 4.8)
    axes = figure.subplots()
    axes.plot(counts, 1 / resolutions**2, "o", color="tab:blue", markersize=4, label="random subsets")
    if lines is not None:
        end = max(float(counts.max()) * 20, 1)
        n = np.geomspace(counts.min(), end, 100)
        every = lines[:, :1] + lines[:, 1:] * np.log(n)
        low, high = np.quantile(every[1:], (0.16, 0.84), axis=0)
        axes.fill_between(n, low, high, color="tab:gray", alpha=0.3, label="68 % of resampled lines")
        bfactor = 2 / lines[0, 1] if lines[0, 1] > 0 else np.inf
        axes.plot(n, every[0], color="black", label=f"B = {bfactor:.0f} Å²")
    for resolution in wanted:
        axes.axhline(1 / resolution**2, color="tab:red", linewidth=0.7, linestyle=":")
    axes.set_xscale("log")
    bottom, top = 0.8 / resolutions.max() ** 2, 1.25 / min([*wanted, resolutions.min()]) ** 2
    ticks = apart(np.unique(np.round(np.concatenate([wanted, resolutions]), 1)), (top - bottom) / 15)
    axes.set_yticks(1 / ticks**2, [f"{one:g}" for one in ticks])
    axes.set_ylim(bottom, top)
    axes.set_xlabel("particles")
    axes.set_ylabel("resolution (Å), as 1/d²")
    axes.legend()
    return figure


def apart(ticks: np.ndarray, least: float) -> np.ndarray:
    """Of rising resolutions those whose 1/d^2 are not nearer than this: labels would lie on one another."""
    kept = [ticks[0]]
    for one in ticks[1:]:
        if 1 / kept[-1] ** 2 - 1 / one**2 >= least:
            kept.append(one)
    return np.array(kept)
