"""FSC curves with the masks that they were taken under, and where they cross the thresholds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot import figure as figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLES: dict[str, dict[str, Any]] = {
    "corrected": {"color": "black", "linewidth": 2.0, "zorder": 3},
    "masked": {"color": "tab:blue"},
    "loose": {"color": "tab:olive"},
    "tight": {"color": "tab:purple"},
    "spherical": {"color": "tab:green"},
    "unmasked": {"color": "tab:gray"},
    "phases randomised": {"color": "tab:red", "linestyle": "--", "linewidth": 1.0},
}
_LEVELS = (0.5, 0.143)


def correlations(
    curves: Mapping[str, np.ndarray], box: int, pixel_size: float, crossings: Mapping[str, float], title: str = "",
    band: np.ndarray | None = None,
) -> "Figure":  # fmt: skip
    """Curves (box//2+1,) by name against spatial frequency; crossings: resolution (angstroms) of 0.143 by name.

    band (2, box//2+1): where the corrected one may lie by chance.
    """
    figure = figures.open_figure(7.5, 4.8)
    axes = figure.subplots()
    draw(axes, curves, box, pixel_size, crossings, title)
    if band is not None:
        frequency = np.arange(1, band.shape[1]) / (box * pixel_size)
        axes.fill_between(frequency, np.maximum(band[0, 1:], -0.1), band[1, 1:], color="black", alpha=0.12, linewidth=0)
    return figure


def draw(
    axes: Any, curves: Mapping[str, np.ndarray], box: int, pixel_size: float, crossings: Mapping[str, float], title: str
) -> None:
    """The same on axes of a larger figure."""
    frequency = np.arange(box // 2 + 1) / (box * pixel_size)
    for name, curve in curves.items():
        label = f"{name}: {crossings[name]:.2f} Å" if name in crossings else name
        axes.plot(frequency[1 : len(curve)], curve[1:], label=label, **_STYLES.get(name, {}))
    for level in _LEVELS:
        axes.axhline(level, color="0.7", linewidth=0.8, zorder=0)
        axes.text(frequency[-1], level + 0.01, f"{level:g}", ha="right", fontsize=8, color="0.4")
    if "corrected" in crossings:
        axes.axvline(1 / crossings["corrected"], color="0.3", linewidth=0.8, linestyle=":")
    axes.set_xlim(0, frequency[-1])
    axes.set_ylim(min(-0.1, *(float(curve[1:].min()) for curve in curves.values())), 1.03)
    resolution_ticks(axes, frequency[-1])
    axes.set_ylabel("Fourier shell correlation")
    axes.set_title(title, fontsize=9)
    axes.legend(title="resolution at 0.143" if crossings else None, fontsize=8, loc="upper right")


def resolution_ticks(axes: Any, highest: float) -> None:
    """Ticks at round resolutions, named in angstroms."""
    known = np.array([100, 50, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.5, 2, 1.5, 1.2, 1])
    chosen: list[float] = []
    for resolution in known[1 / known <= highest * 1.001]:
        if not chosen or (1 / resolution - 1 / chosen[-1]) > highest / 14:
            chosen.append(float(resolution))
    axes.set_xticks([1 / one for one in chosen], [f"{one:g}" for one in chosen])
    axes.set_xlabel("resolution (Å)")
