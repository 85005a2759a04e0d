"""Histograms of a set's quantities with the limits drawn in."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ACROSS = 3


def histograms(
    quantities: Mapping[str, np.ndarray], thresholds: Mapping[str, Sequence[float]],
    labels: Mapping[str, str] | None = None,
) -> "Figure":  # fmt: skip
    """A histogram for each quantity (n,), its limits as red lines; the title counts what is not a number.

    labels: what stands at the axis of a quantity, with its unit.
    """
    rows = max(1, -(-len(quantities) // _ACROSS))
    figure = open_figure(3.6 * _ACROSS, 2.6 * rows)
    axes = figure.subplots(rows, _ACROSS, squeeze=False).ravel()
    for axis, (name, values) in zip(axes, quantities.items()):
        _histogram(axis, name, values, thresholds.get(name, ()))
        axis.set_xlabel((labels or {}).get(name, ""))
    for axis in axes[len(quantities) :]:
        axis.axis("off")
    return figure


def _histogram(axis: Any, name: str, values: np.ndarray, limits: Sequence[float]) -> None:
    finite = values[np.isfinite(values)]
    if len(finite):
        axis.hist(finite, bins=int(np.clip(3 * np.sqrt(len(finite)), 10, 60)), color="tab:blue")
    for limit in limits:
        axis.axvline(limit, color="tab:red", lw=1.2, ls="--", label=f"limit {_plain(limit)}")
    missing = len(values) - len(finite)
    axis.set_title(name + (f" ({missing} missing)" if missing else ""))
    axis.set_ylabel("micrographs")
    axis.yaxis.get_major_locator().set_params(integer=True)
    if limits:
        axis.legend(fontsize=7)


def _plain(value: float) -> str:
    """Four digits, without an exponent where the number is a large one."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
