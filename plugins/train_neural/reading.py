"""From tables to samples: micrographs that have picks, prepared for the network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spa.errors import DataError, SpaError
from spa.io.star import Table, Tables
from spa.job import pool
from spa.job.micrographs import Entry, entries
from spa.job.run import Run
from spa.model.filenames import partners
from spa.picking.working import ACROSS
from spa.recipe import picker
from spa_plugins.train_neural.samples import Sample


def samples(run: Run, tables: Tables, picks: Table, diameter: float, white: bool) -> list[Sample]:
    """Micrographs with their picks; those that cannot be read are left out. DataError where none has any."""
    rows = entries(tables)
    places = _places(picks, rows)
    with_picks = [entry for entry in rows if len(places.get(entry.name, ()))]
    if not with_picks:
        raise DataError(f"{picks.where}: none of its picks is on one of the {len(rows)} micrographs of {tables.source}")

    def one(entry: Entry) -> Sample | SpaError:
        try:
            image = picker.prepared(entry.load(), diameter, white)
        except SpaError as error:
            return error
        points = image.from_micrograph(places[entry.name])
        inside = ((points > -0.5 * ACROSS) & (points < np.array(image.image.shape) + 0.5 * ACROSS)).all(1)
        if not inside.all():
            return DataError(f"{entry.name}: {int((~inside).sum())} of its picks lie outside of it")
        return Sample(entry.name, image.image, points, 0.0)

    made = []
    for _, result in run.progress(pool.ordered(with_picks, one, run.threads), len(with_picks), "micrograph"):
        found = result()
        if isinstance(found, SpaError):
            run.leave_out(found)
        else:
            made.append(found)
    if not made:
        raise DataError(f"none of {len(with_picks)} micrographs with picks can be used")
    return made


def _places(picks: Table, rows: Sequence[Entry]) -> dict[str, np.ndarray]:
    """x, y (n, 2) of each micrograph that has some, by its name in the table."""
    names = picks.text("rlnMicrographName")
    xy = np.stack([picks.floats("rlnCoordinateX"), picks.floats("rlnCoordinateY")], 1)
    if not np.isfinite(xy).all():
        row = int(np.flatnonzero(~np.isfinite(xy).all(1))[0]) + 1
        raise DataError(f"{picks.where}: row {row}: a coordinate is no number")
    known = [entry.name for entry in rows]
    ours = partners(names, known) or _by_stem(picks, list(dict.fromkeys(names.tolist())), known)
    at = np.array([ours.get(name, "") for name in names])
    return {name: xy[at == name] for name in dict.fromkeys(ours.values())}


def _by_stem(picks: Table, theirs: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """For what the picks call a micrograph, the known one whose file has that name, whatever its folder and ending.

    DataError where that may be several.
    """
    said, stems = _stems(theirs), _stems(known)
    for stem in said.keys() & stems.keys():
        for where, names in ((picks.where, said[stem]), ("the table of micrographs", stems[stem])):
            if len(names) > 1:
                raise DataError(f"{where} has {names[0]} and {names[1]}: whose picks are whose cannot be told, as "
                                f"{picks.where} calls no micrograph by its whole name")  # fmt: skip
    return {said[stem][0]: stems[stem][0] for stem in said if stem in stems}


def _stems(names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(Path(name).stem, []).append(name)
    return found
