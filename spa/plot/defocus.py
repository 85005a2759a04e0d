"""Changes of defocus: how far, how surely, and by micrograph."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Changed(Protocol):
    """Arrays (n,) in angstroms."""

    @property
    def mean(self) -> np.ndarray: ...
    @property
    def deviation(self) -> np.ndarray: ...


def overview(
    changes: Changed | None, film: np.ndarray, names: np.ndarray, astigmatism: np.ndarray, phase_shift: np.ndarray
) -> "Figure":
    """changes (None: none) of particles in micrographs film (n,); astigmatism (m, 2) angstroms, phase shift (m,)
    degrees. What did not change has no panel."""
    panels: list[Callable[[Any], None]] = []
    if changes is not None:
        by_micrograph = partial(_by_micrograph, changes, film, names)
        panels += [partial(_histogram, changes), partial(_errors, changes), by_micrograph]
    if astigmatism.any():
        panels.append(partial(_astigmatism, astigmatism))
    if phase_shift.any():
        panels.append(partial(_phase_shift, phase_shift))
    figure = open_figure(4.5 * max(len(panels), 1), 3.8)
    for axes, draw in zip(figure.subplots(1, max(len(panels), 1), squeeze=False)[0], panels or [_nothing]):
        draw(axes)
    return figure


def _histogram(changes: Changed, axes: Any) -> None:
    axes.hist(changes.mean, bins=60, color="0.4")
    axes.set(xlabel="change of defocus (Å)", ylabel="particles")


def _errors(changes: Changed, axes: Any) -> None:
    axes.plot(changes.mean, changes.deviation, ".", markersize=2, color="C0", rasterized=True)
    axes.set(xlabel="change of defocus (Å)", ylabel="its error (Å)", ylim=(0, None))


def _by_micrograph(changes: Changed, film: np.ndarray, names: np.ndarray, axes: Any) -> None:
    """The changes (grey) and each micrograph's mean (red); micrographs are counted from 1, as in other figures."""
    order, count = np.argsort(film, kind="stable"), np.bincount(film)
    there = np.flatnonzero(count)
    axes.plot(film[order] + 1, changes.mean[order], ".", markersize=2, color="0.7", rasterized=True)
    axes.plot(there + 1, np.bincount(film, changes.mean)[there] / count[there], "_", color="C3")
    axes.set(xlabel=f"micrograph (of {len(set(names.tolist()))})", ylabel="change of defocus (Å)")


def _astigmatism(astigmatism: np.ndarray, axes: Any) -> None:
    axes.plot(2 * astigmatism[:, 0], 2 * astigmatism[:, 1], ".", color="C0")
    axes.set(xlabel="change of astigmatism along 0° (Å)", ylabel="along 45° (Å)", aspect="equal")


def _phase_shift(phase_shift: np.ndarray, axes: Any) -> None:
    axes.hist(phase_shift, bins=40, color="0.4")
    axes.set(xlabel="change of phase shift (°)", ylabel="micrographs")


def _nothing(axes: Any) -> None:
    axes.text(0.5, 0.5, "nothing changed", ha="center", va="center")
    axes.set_axis_off()
