"""Tables of picks, and the files that RELION reads them from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job import junk
from spa.job.micrographs import Entry, entries, file_names
from spa.job.run import Run

X, Y, SCORE = "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"
POWER, LEVEL = "spaLocalPower", "spaLocalLevel"


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


def gathered(run: Run, tables: Tables) -> Tables:
    """Tables with the picks of all coordinate files that they list (as `list_files` does, and RELION 4 and later), as
    ``data_particles``; others as they are. MissingInput, DataError where a file has no coordinates."""
    if "coordinate_files" not in tables or "particles" in tables:
        return tables
    listed = tables["coordinate_files"]
    parts = []
    for name, file in zip(listed.text("rlnMicrographName"), listed.text("rlnMicrographCoordinates")):
        found = star.read(run.input(file))
        here = next((table for table in found.blocks.values() if X in table and Y in table), None)
        if here is None:
            raise DataError(f"{file}: no coordinates in it ({X}, {Y})")
        if len(here):
            parts.append(here.with_columns(rlnMicrographName=name))
    if not parts:
        raise DataError(f"{listed.where}: no picks in any of {len(listed)} coordinate files")
    shared = [name for name in parts[0].columns if all(name in part for part in parts)]
    together = Table.concat([part.select(shared) for part in parts])
    table = Table({name: together.text(name) for name in shared}, listed.where)
    return tables.without_block("coordinate_files").with_block("particles", table)


def finish(run: Run, tables: Tables, output: str, plot: str | None, diameter: float, unit: str) -> None:
    """Prints the picks, and draws them where that is asked for; diameter in angstroms, unit: of the scores."""
    run.write(tables, output)
    if plot:
        from spa.recipe.micrographs_figure import draw  # as it brings matplotlib, which the extra does

        draw(tables, diameter, plot, unit)
