"""Figures over micrographs: the picks of a table, and what is masked as junk."""

from dataclasses import dataclass

import numpy as np

from spa.ctffit.quality import CERTAIN
from spa.image.resample import fourier_resized
from spa.io import mrc
from spa.io.star import Tables
from spa.job.micrographs import Entry, entries
from spa.model import filenames
from spa.picking.denoise import denoised
from spa.picking.field import Scope
from spa.plot import figure
from spa.plot.picks import Panel, masked_micrographs, over_micrographs
from spa.recipe.fields import Reader, spread

_PANELS, _PIXELS = 5, 560
_SPREAD = 6.0  # sd: what is farther from the middle is hot pixels and dirt
_FINEST = 12  # pixels, that a particle has at least


def draw(tables: Tables, diameter: float, path: str, unit: str) -> None:
    """Up to five micrographs spread over the table, with circles of ``diameter`` angstroms; and all scores."""
    table = tables["particles"]
    names, score = table.text("rlnMicrographName"), table.floats("rlnAutopickFigureOfMerit")
    xy = np.stack([table.floats("rlnCoordinateX"), table.floats("rlnCoordinateY")], axis=1)
    small = _Small.of(tables, diameter)
    there = [entry for entry in entries(tables) if (names == entry.name).any()]
    titles, panels = filenames.titles(entry.name for entry in there), []
    for entry in spread(there, _PANELS):
        image, scale = small(entry)
        mine = names == entry.name
        radius = diameter / 2 / entry.optics.pixel_size * float(scale[1])
        panels.append(Panel(titles[entry.name], image, xy[mine] * scale[::-1], radius))
    figure.save(over_micrographs(panels, score, unit), path)


def draw_junk(tables: Tables, share: np.ndarray, content: np.ndarray, diameter: float, path: str) -> None:
    """Up to five micrographs from the least to the most junk, with their masks; shares and contents of all."""
    small = _Small.of(tables, diameter)
    rows = entries(tables)
    titles, panels = filenames.titles(row.name for row in rows), []
    for number in spread(np.argsort(share, kind="stable").tolist(), _PANELS):
        image, _ = small(rows[number])
        mask = mrc.read(str(rows[number].mask)).data
        title = f"{titles[rows[number].name]}: {100 * share[number]:.1f} % junk"
        panels.append((title, image, np.asarray(mask, bool)))
    figure.save(masked_micrographs(panels, share, content), path)


@dataclass(frozen=True)
class _Small:
    """Makes small denoised images of micrographs with particles of a diameter (angstroms).

    ringless: names of those whose spectra show no rings: the CTF that was fitted to them is nobody's.
    """

    reader: Reader
    diameter: float
    ringless: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tables: Tables, diameter: float) -> "_Small":
        table, ringless = tables["micrographs"], frozenset[str]()
        if "spaCtfEvidence" in table:
            ringless = frozenset(table.text("rlnMicrographName")[table.floats("spaCtfEvidence") < CERTAIN].tolist())
        return cls(Reader.of(tables, Scope(diameter, diameter, 20.0), False, True), diameter, ringless)

    def __call__(self, entry: Entry) -> tuple[np.ndarray, np.ndarray]:
        """The image, and its size over the micrograph's, y and x."""
        micrograph = entry.load()
        sides = np.array(micrograph.data.shape)
        factor = max(1.0, sides.max() / _PIXELS, min(10.0, self.diameter / _FINEST) / micrograph.pixel_size)
        shape = tuple((2 * np.round(sides / factor / 2)).astype(int).tolist())
        data = micrograph.data - np.median(micrograph.data)
        limit = _SPREAD * float(data.std())
        image = fourier_resized(np.clip(data, -limit, limit), shape)
        scale = np.array(shape) / sides
        size = micrograph.pixel_size / float(scale[1])
        contrast = None if entry.name in self.ringless else self.reader.contrast(entry)
        return denoised(image, size, contrast, 1.5 * self.diameter), scale
