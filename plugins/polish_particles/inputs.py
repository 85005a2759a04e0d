"""Which movies, which of their particles, and where these are in the first frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.errors import DataError, MissingInput, SpaError
from spa.io.star import Tables
from spa.io.table import MISSING
from spa.model.positions import micrograph_pixel_sizes, positions
from spa.polish.tracks import Prior
from spa.recipe import motion
from spa.recipe.optics import Given


@dataclass(frozen=True)
class Settings:
    """The options; lengths in angstroms, box in pixels of the movie."""

    box: int | None
    crop: int | None
    train: int
    prior: Prior
    reach: float
    weights: str
    background: float
    half: bool


@dataclass(frozen=True, eq=False)
class Entry:
    """A micrograph: its name, the file of its motion; rows of the particle set, and where these are (p, 2), pixels of
    the micrograph."""

    name: str
    file: str
    rows: np.ndarray
    places: np.ndarray

    def read(self, pixel_size: float) -> motion.Motion:
        """Its motion; pixel_size of the micrograph, angstroms. DataError where they do not belong together."""
        found = motion.read(self.file)
        if abs(found.pixel_size * found.binning / pixel_size - 1) > 0.02:
            raise DataError(f"{self.file}: a movie of {found.pixel_size:g} A a pixel, binned by {found.binning:g}, "
                            f"does not make a micrograph of {pixel_size:g} A")  # fmt: skip
        return found


@dataclass(frozen=True, eq=False)
class Session:
    """entries; pixel_size of the micrographs, angstroms; what is wrong with micrographs that are left out."""

    entries: list[Entry]
    pixel_size: float
    errors: list[SpaError]


def session(given: Given, beside: Tables) -> Session:
    """The micrographs of the particles; MissingInput where there is motion of none, DataError where it is not told."""
    table, optics = given.stack.tables["particles"], given.stack.tables["optics"]
    names = table.text("rlnMicrographName")
    micrographs = beside["micrographs"]
    if motion.COLUMN not in micrographs:
        raise DataError(f"{micrographs.where} has no column {motion.COLUMN}, the files of the movies' motion")
    files = dict(zip(micrographs.listed("rlnMicrographName"), micrographs.listed(motion.COLUMN)))
    sizes = micrograph_pixel_sizes(table, optics)
    if np.ptp(sizes) > 1e-4 * sizes[0]:
        raise DataError(f"{optics.where}: micrographs of {sizes.min():g} and {sizes.max():g} A a pixel; "
                        "this job needs one")  # fmt: skip
    places = positions(table, sizes)
    entries: list[Entry] = []
    errors: list[SpaError] = []
    for name in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == name)
        file = files.get(name)
        if file is None:
            raise DataError(f"{table.where} row {rows[0] + 1}: {name} is not in {micrographs.where}")
        if file in MISSING:
            errors.append(DataError(f"{micrographs.where}: {name} has no {motion.COLUMN}"))
        elif not Path(file).exists():
            errors.append(MissingInput(f"{file}: no such file ({motion.COLUMN} of {name})"))
        else:
            entries.append(Entry(name, file, rows, places[rows]))
    if not entries:
        raise errors[0]
    return Session(entries, float(sizes[0]), errors)
