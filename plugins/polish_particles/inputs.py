"""Which movies, which of their particles, and where these are in the first frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.errors import DataError, MissingInput, SpaError
from spa.io.star import Table, Tables
from spa.io.table import MISSING
from spa.model.positions import MICROGRAPH_PIXEL_SIZES, micrograph_pixel_sizes, positions
from spa.polish.tracks import Prior
from spa.recipe import motion
from spa.recipe.optics import Given


@dataclass(frozen=True)
class Settings:
    """The options; lengths in angstroms, box in pixels of the movie, pixel_size of images."""

    box: int | None
    crop: int | None
    pixel_size: float | None
    train: int
    prior: Prior
    reach: float
    weights: str
    background: float
    float16: bool


@dataclass(frozen=True, eq=False)
class Entry:
    """A micrograph: its name, the file of its motion, its pixel size in angstroms; rows of the particle set, and where
    these are (p, 2), pixels of the micrograph."""

    name: str
    file: str
    pixel_size: float
    rows: np.ndarray
    places: np.ndarray

    def read(self) -> motion.Motion:
        """Its motion; DataError where that is not the micrograph's."""
        found = motion.read(self.file)
        if abs(found.pixel_size * found.binning / self.pixel_size - 1) > 0.02:
            raise DataError(f"{self.file}: a movie of {found.pixel_size:g} A a pixel, binned by {found.binning:g}, "
                            f"does not make a micrograph of {self.pixel_size:g} A")  # fmt: skip
        return found


@dataclass(frozen=True, eq=False)
class Session:
    """entries; what is wrong with micrographs that are left out."""

    entries: list[Entry]
    errors: list[SpaError]

    def firsts(self) -> list[motion.Motion]:
        """For each pixel size the motion of the first micrograph whose can be read; DataError where there is none."""
        found: dict[float, motion.Motion] = {}
        wrong: list[SpaError] = []
        for entry in self.entries:
            if entry.pixel_size not in found:
                try:
                    found[entry.pixel_size] = entry.read()
                except SpaError as error:  # it is named when tracks are found
                    wrong.append(error)
        if not found:
            raise wrong[0]
        return list(found.values())


def session(given: Given, beside: Tables) -> Session:
    """The micrographs of the particles; MissingInput where there is motion of none, DataError where it is not told."""
    table, optics = given.stack.tables["particles"], given.stack.tables["optics"]
    names = table.text("rlnMicrographName")
    if "micrographs" not in beside:
        raise DataError(f"{beside.source}: no data_micrographs in it: name the table of `spa motion patch`, or of "
                        "RELION's motion correction, with --micrographs")  # fmt: skip
    micrographs = beside["micrographs"]
    if motion.COLUMN not in micrographs:
        raise DataError(f"{micrographs.where} has no column {motion.COLUMN}, the files of the movies' motion")
    files = dict(zip(micrographs.listed("rlnMicrographName"), micrographs.listed(motion.COLUMN)))
    sizes = _pixel_sizes(table, optics, beside)
    places = positions(table, sizes)
    entries: list[Entry] = []
    errors: list[SpaError] = []
    for name in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == name)
        file = files.get(name)
        if file is None:
            raise DataError(f"{table.where} row {rows[0] + 1}: {name} is not in {micrographs.where}")
        if np.ptp(sizes[rows]) > 1e-4 * sizes[rows[0]]:
            raise DataError(f"{table.where} row {rows[0] + 1}: {name} is in optics groups of {sizes[rows].min():g} and "
                            f"{sizes[rows].max():g} A a pixel")  # fmt: skip
        if file in MISSING:
            errors.append(DataError(f"{micrographs.where}: {name} has no {motion.COLUMN}"))
        elif not Path(file).exists():
            errors.append(MissingInput(f"{file}: no such file ({motion.COLUMN} of {name})", file))
        else:
            entries.append(Entry(name, file, float(sizes[rows[0]]), rows, places[rows]))
    if not entries:
        raise errors[0]
    return Session(entries, errors)


def _pixel_sizes(table: Table, optics: Table, beside: Tables) -> np.ndarray:
    """(n,) angstroms a pixel of each particle's micrograph.

    RELION's particles have that of the movie alone, and the micrographs' is with these; where neither says more, the
    movie's it is.
    """
    name = MICROGRAPH_PIXEL_SIZES[0]
    if name in optics or "optics" not in beside or name not in beside["optics"]:
        return micrograph_pixel_sizes(table, optics)
    micrographs = beside["micrographs"]
    found = dict(zip(micrographs.listed("rlnMicrographName"), micrograph_pixel_sizes(micrographs, beside["optics"])))
    return np.array([found.get(one, np.nan) for one in table.listed("rlnMicrographName")])
