"""CTF fits: the rings of each micrograph against the fitted ones, and their curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot.figure import bare, open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ACROSS = 3


@dataclass(frozen=True)
class Panel:
    """One micrograph: picture (box, box), fitted CTF² left, spectrum right; curves (m,) by frequency (1/angstrom).

    spectrum is the equi-phase average over its background - 1; resolution in angstroms; certain: there are rings.
    surface (ny, nx), coarse: what is added to the defocus over the micrograph, angstroms; None where it is level.
    """

    title: str
    picture: np.ndarray
    frequency: np.ndarray
    spectrum: np.ndarray
    model: np.ndarray
    frc: np.ndarray
    resolution: float
    certain: bool
    surface: np.ndarray | None = None


def montage(panels: Sequence[Panel]) -> "Figure":
    """A picture and the curves for every panel, three panels a row."""
    rows = -(-len(panels) // _ACROSS)
    figure = open_figure(6.4 * _ACROSS, 2.5 * rows)
    axes = figure.subplots(rows, 2 * _ACROSS, squeeze=False, width_ratios=[1, 1.7] * _ACROSS)
    for axis in axes.ravel():
        axis.axis("off")
    for number, panel in enumerate(panels):
        row, column = divmod(number, _ACROSS)
        _rings(axes[row][2 * column], panel)
        _curves(axes[row][2 * column + 1], panel, legend=number == 0)
        if panel.surface is not None:
            _surface(axes[row][2 * column + 1], panel.surface)
    return figure


def _rings(axis: Any, panel: Panel) -> None:
    """The middle of the picture, out to four fifths of the fit's resolution (or to 0.4 of Nyquist)."""
    box = len(panel.picture)
    nyquist = float(panel.frequency[-1])
    reach = min(1.0, max(0.4, 0.8 / panel.resolution / nyquist)) * box / 2
    axis.imshow(panel.picture, vmin=-0.2, vmax=1.2, origin="lower", interpolation="nearest")
    axis.set_xlim(box / 2 - reach, box / 2 + reach)
    axis.set_ylim(box / 2 - reach, box / 2 + reach)


def _curves(axis: Any, panel: Panel, legend: bool) -> None:
    """Equi-phase average scaled to the CTF² that it follows, the fit, the fit-FRC, the resolution."""
    k = panel.frequency
    axis.axis("on")
    height = _height(panel)
    axis.plot(k, panel.model, color="tab:orange", lw=0.7, label="CTF²")
    axis.plot(k, 0.5 + 0.5 * np.clip(panel.spectrum / height, -1.4, 1.4), color="tab:blue", lw=0.8, label="spectrum")
    axis.plot(k, panel.frc, color="tab:green", lw=0.9, label="fit-FRC")
    axis.axhline(0, color="0.7", lw=0.5, zorder=0)
    axis.axvline(1 / panel.resolution, color="tab:red", lw=1, ls="--", label="resolution")
    axis.set(xlim=(0, k[-1]), ylim=(-0.5, 1.25), yticks=[0, 0.5, 1])
    ticks = [d for d in (20, 10, 7, 5, 4, 3, 2.5, 2) if 1 / d < k[-1]]
    axis.set_xticks([1 / d for d in ticks], [f"{d:g} Å" if d == ticks[0] else f"{d:g}" for d in ticks])
    axis.set_title(panel.title + ("" if panel.certain else ": no rings"), fontsize=8,
                   color="black" if panel.certain else "tab:red")  # fmt: skip
    if legend:
        axis.legend(loc="lower left", ncols=2, fontsize=6)


def _surface(beside: Any, surface: np.ndarray) -> None:
    """The defocus over the micrograph, in the corner of the curves: red is further from focus, lines are even steps."""
    ny, nx = surface.shape
    axis = beside.inset_axes([0.82, 0.62, 0.18, 0.38])
    most = max(float(np.abs(surface).max()), 1e-6)
    axis.imshow(surface, cmap="coolwarm", vmin=-most, vmax=most, origin="lower", extent=(0, nx, 0, ny))
    axis.contour(np.arange(nx) + 0.5, np.arange(ny) + 0.5, surface, 6, colors="black", linewidths=0.4)
    bare(axis)
    axis.set_xlabel(f"{surface.min():+.0f} to {surface.max():+.0f} Å", fontsize=5, labelpad=1)
    axis.xaxis.label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})


def _height(panel: Panel, width: int = 12) -> np.ndarray:
    """About the height of the waves of the spectrum's curve around each point, never less than at the resolution."""
    kernel = np.ones(2 * width + 1) / (2 * width + 1)
    squares = np.convolve(np.pad(panel.spectrum**2, width, mode="edge"), kernel, mode="valid")
    height = np.maximum(np.sqrt(2 * squares), 1e-9)
    end = int(np.clip(np.searchsorted(panel.frequency, 1 / panel.resolution), 0, len(height) - 1))
    return np.maximum(height, height[end])
