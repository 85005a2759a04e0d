"""Changes of defocus: how far, how surely, and by micrograph."""

from typing import TYPE_CHECKING, Protocol

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
    degrees."""
    figure = open_figure(11, 7)
    axes = figure.subplots(2, 2)
    if changes is not None:
        axes[0, 0].hist(changes.mean, bins=60, color="0.4")
        axes[0, 0].set(xlabel="change of defocus (Å)", ylabel="particles")
        axes[0, 1].plot(changes.mean, changes.deviation, ".", markersize=2, color="C0", rasterized=True)
        axes[0, 1].set(xlabel="change of defocus (Å)", ylabel="its error (Å)", ylim=(0, None))
        order = np.argsort(film, kind="stable")
        means = np.bincount(film, changes.mean) / np.maximum(np.bincount(film), 1)
        axes[1, 0].plot(film[order], changes.mean[order], ".", markersize=2, color="0.7", rasterized=True)
        there = np.flatnonzero(np.bincount(film))
        axes[1, 0].plot(there, means[there], "_", color="C3")
        axes[1, 0].set(xlabel=f"micrograph (of {len(set(names.tolist()))})", ylabel="change of defocus (Å)")
    axes[1, 1].set_title("micrographs")
    if astigmatism.any():
        axes[1, 1].plot(2 * astigmatism[:, 0], 2 * astigmatism[:, 1], ".", color="C0")
        axes[1, 1].set(xlabel="change of astigmatism along 0° (Å)", ylabel="along 45° (Å)", aspect="equal")
    elif phase_shift.any():
        axes[1, 1].hist(phase_shift, bins=40, color="0.4")
        axes[1, 1].set(xlabel="change of phase shift (°)", ylabel="micrographs")
    else:
        axes[1, 1].set_axis_off()
    return figure
