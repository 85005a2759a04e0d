"""Phases of aberrations over the plane of frequencies: measured, smoothed for the eye, and fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUR = 2.0  # pixels


@dataclass(frozen=True, eq=False)
class Picture:
    """A phase (K,) that was fitted, and the measured one: the angle of (across, along), or their quotient where the
    parity is 1; parity -1: the opposite coefficient has the negative."""

    title: str
    across: np.ndarray
    along: np.ndarray
    fitted: np.ndarray
    parity: int


@dataclass(frozen=True, eq=False)
class Row:
    """An optics group: a title, its pictures, and what was found."""

    title: str
    pictures: Sequence[Picture]
    words: str


def overview(rows: Sequence[Row], kx: np.ndarray, ky: np.ndarray, width: float) -> "Figure":
    """Phases at kx, ky (K,) cycles in a box of a width (angstroms); a row for each group."""
    figure = open_figure(11.5, 3.0 * len(rows) + 0.4)
    axes = figure.subplots(len(rows), 4, squeeze=False)
    most = int(max(kx.max(), np.abs(ky).max()))
    reach = most / width
    for row, line in zip(rows, axes):
        for number, picture in enumerate(row.pictures):
            fitted = plane(np.broadcast_to(picture.fitted, kx.shape), kx, ky, most, picture.parity)
            high = max(0.3, float(np.nanmax(np.abs(fitted), initial=0)))
            both = {"measured": _measured(picture, kx, ky, most), "fitted": fitted}
            for axis, (name, image) in zip(line[2 * number :], both.items()):
                edges = (-reach, reach, -reach, reach)
                shown = axis.imshow(image, vmin=-high, vmax=high, cmap="RdBu_r", origin="lower", extent=edges)
                axis.set_title(f"{picture.title}, {name}")
                axis.tick_params(labelsize=7)
            figure.colorbar(shown, ax=line[2 * number + 1], shrink=0.8, label="radians")
        line[0].set_ylabel(f"{row.title}\n1/Å", fontsize=8)
        line[0].set_xlabel(_short(row.words), fontsize=7, loc="left")
    return figure


def _short(words: str) -> str:
    return words if len(words) < 150 else words[:147] + "..."


def _measured(picture: Picture, kx: np.ndarray, ky: np.ndarray, most: int) -> np.ndarray:
    across = gaussian_filter(np.nan_to_num(plane(picture.across, kx, ky, most, picture.parity)), BLUR)
    along = gaussian_filter(np.nan_to_num(plane(picture.along, kx, ky, most, 1)), BLUR)
    phase = np.arctan2(across, along) if picture.parity < 0 else across / np.maximum(along, 1e-30)
    return np.where(np.isnan(plane(picture.along, kx, ky, most, 1)), np.nan, phase)


def plane(values: np.ndarray, kx: np.ndarray, ky: np.ndarray, most: int, parity: int) -> np.ndarray:
    """The whole plane (2 most + 1, 2 most + 1) of half of it; NaN where nothing is known."""
    out = np.full((2 * most + 1, 2 * most + 1), np.nan)
    out[most + ky, most + kx] = values
    out[most - ky, most - kx] = parity * values
    return out
