"""From tables to samples: micrographs that have picks, prepared for the network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spa.errors import DataError, SpaError
from spa.io.star import Table, Tables
from spa.job import pool
from spa.job.micrographs import Entry, entries
from spa.job.run import Run
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
    """x, y (n, 2) of each micrograph; names that are not in the table are matched by the file's own name."""
    names = picks.text("rlnMicrographName")
    xy = np.stack([picks.floats("rlnCoordinateX"), picks.floats("rlnCoordinateY")], 1)
    if not np.isfinite(xy).all():
        row = int(np.flatnonzero(~np.isfinite(xy).all(1))[0]) + 1
        raise DataError(f"{picks.where}: row {row}: a coordinate is no number")
    known = {entry.name for entry in rows}
    stems: dict[str, list[str]] = {}
    for entry in rows:
        stems.setdefault(Path(entry.name).stem, []).append(entry.name)
    found: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(names.tolist()):
        others = [name] if name in known else stems.get(Path(name).stem, [])
        if len(others) == 1:
            found[others[0]] = xy[names == name]
    return found
