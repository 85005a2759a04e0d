"""The loop over micrographs that pickers share: a picker is a function of one micrograph, the rest is here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.image.lone import filled
from spa.image.quantiles import median
from spa.io import mrc, pixels
from spa.io.star import Table, Tables
from spa.io.table import MISSING
from spa.job import junk
from spa.job.run import Run
from spa.model.optics import Optics, optics_groups, require_groups

_DEFOCUS = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
_UNITS = (1.0, 1.0, np.pi / 180)
_BINNED = 1.2  # times the pixels of the movie: no calibration is so far off


@dataclass(frozen=True)
class Micrograph:
    """data: (ny, nx) float32, protein dark; pixel_size in angstroms; defocus u, v, angle in A and radians, or None.

    mask: the file of its junk, where pickers find nothing, or None.
    """

    name: str
    data: np.ndarray
    pixel_size: float
    optics: Optics
    defocus: tuple[float, float, float] | None
    mask: str | None = None


@dataclass(frozen=True)
class Entry:
    """A row of ``data_micrographs`` before its pixels are read."""

    name: str
    optics: Optics
    defocus: tuple[float, float, float] | None
    mask: str | None = None
    sized_by_movie: bool = False

    def load(self) -> Micrograph:
        """Read the pixels, the lone ones among them filled. MissingInput, ReadError, or DataError for pixels that are
        not finite or not one image, or of a binned movie's size where the table has the movie's alone
        (``sized_by_movie``)."""
        image = mrc.read(self.name)
        told = abs(image.pixel_size - 1) > 1e-3  # 1 is what programs write that do not know
        if self.sized_by_movie and told and image.pixel_size > _BINNED * self.optics.pixel_size:
            raise DataError(
                f"{self.name}: its header says {image.pixel_size:g} A a pixel, and data_optics has the movie's alone "
                f"(rlnMicrographOriginalPixelSize {self.optics.pixel_size:g}): add rlnMicrographPixelSize to it"
            )
        data = image.data[0] if image.data.ndim == 3 and len(image.data) == 1 else image.data
        if data.ndim != 2:
            raise DataError(f"{self.name}: {len(data)} images in it, where one micrograph is wanted")
        found = np.asarray(data, np.float32)
        pixels.require_finite(found, self.name)
        found, _ = filled(found)
        return Micrograph(self.name, found, self.optics.pixel_size, self.optics, self.defocus, self.mask)


def entries(tables: Tables) -> list[Entry]:
    """The rows of ``data_micrographs`` with their optics; DataError for none, or a name that is there twice."""
    table, groups = tables["micrographs"], optics_groups(tables, micrographs=True)
    names, numbers = table.text("rlnMicrographName"), table.ints("rlnOpticsGroup")
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    require_groups(groups, numbers, table.where)
    if len(set(names)) < len(names):
        twin = next(name for name in names if (names == name).sum() > 1)
        raise DataError(f"{table.where}: {twin} is there twice")
    defocus = _defocus(table)
    masks = [None if mask in MISSING else str(mask) for mask in table.get_text(junk.COLUMN, "None")]
    optics = tables["optics"]
    by_movie = "rlnMicrographOriginalPixelSize" in optics and "rlnMicrographPixelSize" not in optics
    there = [None if defocus is None else tuple(map(float, row)) for row in (names if defocus is None else defocus)]
    return [
        Entry(str(name), groups[int(number)], one, mask, by_movie)  # type: ignore[arg-type]
        for name, number, one, mask in zip(names, numbers, there, masks)
    ]


def _defocus(table: Table) -> np.ndarray | None:
    """(n, 3) u, v, angle in angstroms and radians, NaN where it is not told; v is u and the angle 0 where the table has
    no such column, None where it has none."""
    if "rlnDefocusU" not in table:
        return None
    u, v, angle = (table.floats(name, missing=np.nan) if name in table else None for name in _DEFOCUS)
    assert u is not None
    return np.stack([u, u if v is None else v, 0 * u if angle is None else angle], axis=1) * _UNITS


def file_names(folder: Path, names: Sequence[str], ending: str) -> dict[str, Path]:
    """FOLDER/STEM + ending for every micrograph; where two have the same stem, all keep their folders below FOLDER, and
    where that is not enough the endings of their own names too. DataError where even so two would be one file."""
    short = [Path(name).with_suffix("") for name in names]
    places = [Path(name.name) for name in short]
    if len(set(places)) < len(names):
        places = [Path(*(part for part in name.parts if part not in ("/", "..", "."))) for name in short]
    if len(set(places)) < len(names):
        places = [place.with_name(f"{place.name}_{Path(name).suffix[1:]}") for place, name in zip(places, names)]
    if len(set(places)) < len(names):
        twin = next(place for place in places if places.count(place) > 1)
        raise DataError(f"{folder / twin}{ending} would be written for two of them: call the job in another folder")
    found = {}
    for name, place in zip(names, places):
        found[name] = folder / place.with_name(place.name + ending)
        found[name].parent.mkdir(parents=True, exist_ok=True)
    return found


def each(run: Run, tables: Tables, work: Callable[[Micrograph], Any]) -> Iterator[tuple[Entry, Any]]:
    """(entry, result) of every micrograph that could be done; see ``Run.each``."""
    return run.each(entries(tables), lambda entry: work(entry.load()), lambda entry: entry.name, "micrograph")


def counted(counts: Sequence[int]) -> str:
    """How many picks there are, of those on each micrograph, for the summary."""
    return f"{median(np.array(counts)):.0f} picks a micrograph (median), {sum(counts)} on {len(counts)} micrographs"


def picks(run: Run, tables: Tables, picker: Callable[[Micrograph], np.ndarray]) -> Tables:
    """Run a picker over all micrographs; the document with ``data_particles`` in it, micrographs kept beside.

    picker: Micrograph -> (n, 3) x, y (pixels of the micrograph, first pixel's centre is 0) and score.
    """

    def work(micrograph: Micrograph) -> list[list[float]]:
        rows = np.asarray(picker(micrograph), np.float64).reshape(-1, 3)
        if micrograph.mask is not None and len(rows):
            rows = rows[junk.clear(micrograph.mask, micrograph.data.shape, rows[:, :2])]
        return rows.round(4).tolist()

    names: list[str] = []
    groups: list[int] = []
    found: list[list[float]] = []
    counts: list[int] = []
    for entry, rows in each(run, tables, work):
        names += [entry.name] * len(rows)
        groups += [entry.optics.group] * len(rows)
        found += rows
        counts.append(len(rows))
    if not found:
        raise DataError(f"no picks in any of {len(counts)} micrographs")
    x, y, score = np.array(found).T
    table = Table.of(rlnMicrographName=names, rlnCoordinateX=x, rlnCoordinateY=y, rlnAutopickFigureOfMerit=score,
                     rlnOpticsGroup=groups)  # fmt: skip
    run.summary(counted(counts))
    return tables.with_block("particles", table)
