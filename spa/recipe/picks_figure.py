"""The figure of the pickers: picks over low-passed micrographs."""

from pathlib import Path

import numpy as np

from spa.image.resample import fourier_resized
from spa.io.star import Tables
from spa.job.micrographs import Entry, entries
from spa.plot import figure
from spa.plot.picks import Panel, over_micrographs

_PANELS, _PIXELS = 5, 480


def draw(tables: Tables, diameter: float, path: str) -> None:
    """Up to five micrographs spread over the table, with circles of ``diameter`` angstroms; and all scores."""
    table = tables["particles"]
    names, score = table.text("rlnMicrographName"), table.floats("rlnAutopickFigureOfMerit")
    xy = np.stack([table.floats("rlnCoordinateX"), table.floats("rlnCoordinateY")], axis=1)
    there = [entry for entry in entries(tables) if (names == entry.name).any()]
    chosen = [there[i] for i in np.unique(np.linspace(0, len(there) - 1, _PANELS).round().astype(int))]
    panels = [_panel(entry, xy[names == entry.name], score[names == entry.name], diameter) for entry in chosen]
    figure.save(over_micrographs(panels, score), path)


def _panel(entry: Entry, xy: np.ndarray, score: np.ndarray, diameter: float) -> Panel:
    micrograph = entry.load()
    ny, nx = micrograph.data.shape
    factor = max(1.0, max(ny, nx) / _PIXELS, min(10.0, diameter / 12) / micrograph.pixel_size)
    shape = tuple(2 * round(n / factor / 2) for n in (ny, nx))
    small = fourier_resized(micrograph.data - micrograph.data.mean(), shape)
    return Panel(Path(entry.name).stem, small, xy / (nx / shape[1], ny / shape[0]), diameter / 2 / micrograph.pixel_size
                 * shape[1] / nx, score)  # fmt: skip
