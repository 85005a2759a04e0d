"""What pickers share: micrographs made ready, tables of picks, and the files that RELION reads them from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from spa.errors import DataError, SpaError
from spa.image.ctf import Lens
from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job import junk
from spa.job.micrographs import Entry, Micrograph, entries, file_names
from spa.job.run import Run
from spa.junk.ground import ground
from spa.junk.mask import junk as judged
from spa.model.numbers import LIMIT, sensible_or_zero
from spa.picking.field import Contrast, Field, Scope, prepared

T = TypeVar("T")
X, Y, SCORE = "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"
POWER, LEVEL = "spaLocalPower", "spaLocalLevel"


@dataclass(frozen=True)
class Reader:
    """Makes the field of an entry: scope, whether particles are white, whether the CTF is used, phase shifts.

    everywhere: junk is looked at as well, where the table has no mask of it.
    """

    scope: Scope
    white: bool
    ctf: bool
    phases: dict[str, float]
    everywhere: bool

    @classmethod
    def of(cls, tables: Tables, scope: Scope, white: bool, ctf: bool, everywhere: bool = True) -> "Reader":
        """For the micrographs of a table."""
        shifts = np.deg2rad(sensible_or_zero(tables["micrographs"], "rlnPhaseShift"))
        names = tables["micrographs"].text("rlnMicrographName")
        return cls(scope, white, ctf, dict(zip(names.tolist(), shifts.tolist())), everywhere)

    def __call__(self, entry: Entry) -> Field:
        """A micrograph read and made ready, its junk taken out; errors carry its name."""
        micrograph, contrast = entry.load(), self.contrast(entry)
        if contrast is None and self.ctf and entry.defocus is not None and any(entry.defocus):
            raise DataError(f"{entry.name}: its defocus is {entry.defocus[0]:g}, {entry.defocus[1]:g} A, no number to "
                            "work with (--no-ctf picks without)")  # fmt: skip
        try:
            return prepared(
                micrograph.data, micrograph.pixel_size, self.scope, contrast, self.white,
                self._junk(micrograph),
            )  # fmt: skip
        except SpaError as error:
            raise type(error)(f"{entry.name}: {error}") from error

    def _junk(self, micrograph: Micrograph) -> np.ndarray | None:
        """Where junk is, by the mask that the table has or one made here, binned; None for nowhere."""
        if micrograph.mask is not None:
            return junk.read(micrograph.mask, (micrograph.data.shape[0], micrograph.data.shape[1]))
        if self.everywhere:
            return None
        return judged(ground(micrograph.data, micrograph.pixel_size), self.scope.largest).mask

    def contrast(self, entry: Entry) -> Contrast | None:
        """Its CTF, where the table has one that makes sense and it is wanted."""
        if not self.ctf or entry.defocus is None or not any(entry.defocus):
            return None
        if not (np.abs(entry.defocus) <= LIMIT).all():
            return None
        lens = Lens(entry.optics.voltage, entry.optics.cs, entry.optics.contrast)
        return Contrast(lens, *entry.defocus, self.phases[entry.name])


def spread(rows: Sequence[T], count: int) -> list[T]:
    """Up to ``count`` of the rows, evenly over the table."""
    chosen = np.linspace(0, len(rows) - 1, count).round().astype(int).tolist()
    return [rows[i] for i in dict.fromkeys(chosen)]  # np.unique would import all of masked arrays


def coordinate_files(run: Run, tables: Tables) -> dict[str, Path]:
    """DIR/NAME_autopick.star of each micrograph."""
    return file_names(run.outdir or Path(), [entry.name for entry in entries(tables)], "_autopick.star")


def write_file(path: Path, columns: Sequence[str], values: np.ndarray, entry: Entry) -> dict[str, Any]:
    """A micrograph's picks (n, columns), x and y first, into its file, without those on its junk; the result that
    ``table_of`` takes."""
    if entry.mask is not None and len(values):
        shape = mrc.read_header(entry.name).shape[-2:]
        values = values[junk.clear(entry.mask, (shape[0], shape[1]), values[:, :2])]
    star.write(Tables({"": Table.of(**dict(zip(columns, values.T)))}, []), path)
    return {"file": str(path), "picks": values.tolist()}


def table_of(done: Sequence[tuple[Entry, dict[str, Any]]], columns: Sequence[str]) -> Table:
    """``data_particles`` of all micrographs' results."""
    counts = [len(result["picks"]) for _, result in done]
    values = np.concatenate([np.reshape(result["picks"], (-1, len(columns))) for _, result in done])
    return Table.of(
        rlnMicrographName=np.repeat([entry.name for entry, _ in done], counts).astype(object),
        **dict(zip(columns, values.T)),
        rlnOpticsGroup=np.repeat([entry.optics.group for entry, _ in done], counts),
    )


def list_files(run: Run, done: Sequence[tuple[Entry, dict[str, Any]]]) -> None:
    """DIR/autopick.star: which coordinates belong to which micrograph, as RELION 4 and later list them."""
    table = Table.of(
        rlnMicrographName=[entry.name for entry, _ in done],
        rlnMicrographCoordinates=[result["file"] for _, result in done],
    )
    star.write(Tables({"coordinate_files": table}, []), (run.outdir or Path()) / "autopick.star")


def finish(run: Run, tables: Tables, output: str, plot: str | None, diameter: float, unit: str) -> None:
    """Prints the picks, and draws them where that is asked for; diameter in angstroms, unit: of the scores."""
    run.write(tables, output)
    if plot:
        from spa.recipe.micrographs_figure import draw  # as it brings matplotlib, which the extra does

        draw(tables, diameter, plot, unit)
