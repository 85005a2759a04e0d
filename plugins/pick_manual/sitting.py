"""The picks of a sitting at the page: where they start, where each change is kept, and the table at the end."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.io import star
from spa.io.star import Table, Tables
from spa.job.micrographs import Entry, entries, file_names
from spa.job.run import Run
from spa.model.numbers import sensible_or_zero
from spa.web.films import Films
from spa.web.page import BadRequest, Page, number

X, Y, NAME, GROUP = "rlnCoordinateX", "rlnCoordinateY", "rlnMicrographName", "rlnOpticsGroup"
UNKNOWN = -999.0  # what RELION writes for a pick by hand that has no such value
MOST = 20_000  # picks of a micrograph


@dataclass(eq=False)
class Sitting:
    """points: for each micrograph (n, 2) x, y in its pixels; first: where the last sitting ended."""

    tables: Tables
    entries: Sequence[Entry]
    files: dict[str, Path]
    points: list[np.ndarray]
    taken_up: int
    first: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, run: Run, tables: Tables) -> "Sitting":
        """From the table's picks, or those that an earlier sitting left in the outdir."""
        rows = entries(tables)
        files = file_names(run.outdir or Path(), [entry.name for entry in rows], "_manualpick.star")
        points = _of_table(tables, rows)
        newest, first, taken_up = 0, 0, 0
        for place, entry in enumerate(rows):
            path = files[entry.name]
            if path.exists():
                points[place] = _read(path)
                taken_up += 1
                if path.stat().st_mtime_ns > newest:
                    newest, first = path.stat().st_mtime_ns, place
        return cls(tables, rows, files, points, taken_up, first)

    def page(self, diameter: float, lowpass: float) -> Page:
        """The page of this sitting."""
        table = self.tables["micrographs"]
        phases = dict(zip(table.text(NAME).tolist(), np.deg2rad(sensible_or_zero(table, "rlnPhaseShift")).tolist()))
        films, known = Films(self.entries, phases, diameter), any(one.defocus is not None for one in self.entries)
        films.ahead(self.first, "denoised" if known else "lowpass", lowpass)

        def facts() -> dict[str, Any]:
            return {
                "names": [entry.name for entry in self.entries], "counts": [len(one) for one in self.points],
                "first": self.first, "diameter": diameter, "lowpass": lowpass,
                "ctf": known,
            }  # fmt: skip

        actions = {"points": self.listed, "save": self.save, "done": lambda _: None}
        return Page("Pick by hand", "pick.js", facts, {"film": films.view}, actions)

    def listed(self, place: Any) -> list[list[float]]:
        """The picks of a micrograph."""
        return self.points[self._place(place)].round(4).tolist()

    def save(self, change: Any) -> int:
        """All picks of a micrograph as they are now: kept, and written whole."""
        if not isinstance(change, dict) or not isinstance(change.get("points"), list):
            raise BadRequest("no picks in it")
        place, given = self._place(change.get("number")), change["points"]
        if len(given) > MOST or not all(isinstance(one, list) and len(one) == 2 for one in given):
            raise BadRequest(f"not a list of at most {MOST} pairs")
        points = np.array([[number(value, "a coordinate", -1e6, 1e6) for value in one] for one in given])
        points = points.reshape(-1, 2)
        with self.lock:
            self.points[place], self.first = points, place
            self._write(place)
        return len(points)

    def _place(self, place: Any) -> int:
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(self.entries):
            raise BadRequest(f"{str(place)[:40]!r} is no number of a micrograph")
        return place

    def _write(self, place: int) -> None:
        x, y = self.points[place].T
        star.write(Tables({"": Table.of(**{X: x, Y: y})}), self.files[self.entries[place].name])

    def table(self) -> Tables:
        """The document with the picks as they are. DataError when there is none."""
        counts = [len(one) for one in self.points]
        if not sum(counts):
            raise DataError(f"no picks on any of {len(counts)} micrographs")
        names = np.repeat(np.array([entry.name for entry in self.entries], object), counts)
        groups = np.repeat([entry.optics.group for entry in self.entries], counts)
        x, y = np.concatenate(self.points).T
        made = Table.of(**{NAME: names, X: x, Y: y, GROUP: groups})
        if "particles" in self.tables:
            made = _with_old(made, self.tables["particles"])
        return self.tables.with_block("particles", made)

    def summary(self) -> str:
        counts = [len(one) for one in self.points]
        return f"{sum(counts)} picks on {np.count_nonzero(counts)} of {len(counts)} micrographs"


def _of_table(tables: Tables, rows: Sequence[Entry]) -> list[np.ndarray]:
    """For each micrograph the picks (n, 2) of ``data_particles``; DataError for those of a micrograph not there."""
    if "particles" not in tables or not len(tables["particles"]):
        return [np.zeros((0, 2))] * len(rows)
    table = tables["particles"]
    place = {entry.name: i for i, entry in enumerate(rows)}
    names = table.text(NAME)
    for row, name in enumerate(names):
        if name not in place:
            raise DataError(f"{table.where} row {row + 1}: {name} is not in data_micrographs")
    where = np.array([place[name] for name in names])
    xy = np.stack([table.floats(X), table.floats(Y)], axis=1)
    return [xy[where == i] for i in range(len(rows))]


def _read(path: Path) -> np.ndarray:
    """The picks (n, 2) of a file that ``save`` wrote, or RELION."""
    tables = star.read(path)
    table = next((one for one in tables.blocks.values() if X in one or not len(one)), None)
    if table is None:
        raise DataError(f"{path}: no coordinates in it")
    return np.stack([table.floats(X), table.floats(Y)], axis=1) if len(table) else np.zeros((0, 2))


def _with_old(made: Table, old: Table) -> Table:
    """Picks that stand where one of the old table stood keep that one's row; others have UNKNOWN for what it says."""
    there: dict[tuple[Any, ...], int] = {}
    for row, key in enumerate(_keys(old)):
        there.setdefault(key, row)
    rows = np.array([there.get(key, -1) for key in _keys(made)])
    kept = rows >= 0
    columns: dict[str, Any] = {}
    for name in [*old.columns, *(name for name in made.columns if name not in old)]:
        values = made.text(name).copy() if name in made else np.full(len(made), _unknown(old, name), object)
        if name in old:
            values[kept] = old.text(name)[rows[kept]]
        columns[name] = values
    return Table(columns, old.where)


def _keys(table: Table) -> list[tuple[Any, ...]]:
    """Micrograph and place, to a hundredth of a pixel, of each pick."""
    x, y = (np.rint(table.floats(name) * 100).astype(int).tolist() for name in (X, Y))
    return list(zip(table.text(NAME).tolist(), x, y))


def _unknown(old: Table, name: str) -> str:
    """-999 in a column of numbers, None in one of texts."""
    try:
        old.floats(name, missing=UNKNOWN)
    except DataError:
        return "None"
    return f"{UNKNOWN:g}"
