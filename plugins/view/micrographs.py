"""Micrographs with the picks of each table on them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spa.io import mrc
from spa.io.star import Table, Tables
from spa.job.micrographs import Entry, entries
from spa.job.run import Run
from spa.model.numbers import sensible_or_zero
from spa.model.optics import Optics, optics_groups
from spa.model.positions import coordinates
from spa.web.films import Films
from spa.web.page import BadRequest, numbers
from spa_plugins.view.inputs import Shelf, of_kind

NAME = "rlnMicrographName"
SCORE = "rlnAutopickFigureOfMerit"


@dataclass(frozen=True, eq=False)
class Picks:
    """Of one table: x, y (n, 2) in pixels and score (n,), by the name of the micrograph."""

    source: str
    points: dict[str, np.ndarray]
    scores: dict[str, np.ndarray]


class Micrographs:
    """Those of all tables, each once, in their order."""

    def __init__(self, run: Run, shelf: Shelf) -> None:
        found: dict[str, Entry] = {}
        phases: dict[str, float] = {}
        for tables in of_kind(shelf.tables, "micrographs"):
            table = tables["micrographs"]
            found |= {one.name: one for one in entries(tables) if one.name not in found}
            phases |= dict(zip(table.text(NAME).tolist(), np.deg2rad(sensible_or_zero(table, "rlnPhaseShift"))))
        self.picks = [_picks(tables) for tables in of_kind(shelf.tables, "particles") if _placed(tables["particles"])]
        for tables in of_kind(shelf.tables, "particles"):
            if _placed(tables["particles"]) and "optics" in tables:
                found |= {one.name: one for one in _of_particles(tables) if one.name not in found}
        for path in shelf.micrographs:
            found.setdefault(path, _bare(path))
        there = [one for one in found.values() if Path(one.name).is_file()]
        if len(there) < len(found):
            run.warn(f"{len(found) - len(there)} of {len(found)} micrographs are not there and are not shown")
        self.films = Films(there, phases)
        self.known = any(one.defocus is not None for one in there)

    def __len__(self) -> int:
        return len(self.films.entries)

    def facts(self) -> dict[str, Any]:
        """Names, and for each table with picks how many there are on each."""
        names = [one.name for one in self.films.entries]
        sets = [{"name": one.source, "counts": [len(one.points.get(name, ())) for name in names]} for one in self.picks]
        return {"names": names, "ctf": self.known, "picks": [one for one in sets if any(one["counts"])]}

    def points(self, number: Any) -> list[dict[str, Any]]:
        """The picks of a micrograph: x, y and score, for each table that has picks."""
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(self):
            raise BadRequest(f"{str(number)[:40]!r} is no number of a micrograph")
        name = self.films.entries[number].name
        nowhere, none = np.zeros((0, 2)), np.zeros(0)
        shown = {one.name for one in self.films.entries}
        return [
            {"points": one.points.get(name, nowhere).round(2).tolist(), "scores": numbers(one.scores.get(name, none))}
            for one in self.picks if shown & one.points.keys()
        ]  # fmt: skip


def _placed(table: Table) -> bool:
    return NAME in table and "rlnCoordinateX" in table and "rlnCoordinateY" in table


def _picks(tables: Tables) -> Picks:
    table = tables["particles"]
    names, xy = table.text(NAME), coordinates(table)
    scores = table.floats(SCORE, missing=np.nan) if SCORE in table else np.full(len(table), np.nan)
    order = np.argsort(names, kind="stable")
    there, first = np.unique(names[order].astype(str), return_index=True)
    rows = np.split(order, first[1:])
    return Picks(tables.source, {name: xy[i] for name, i in zip(there.tolist(), rows)},
                 {name: scores[i] for name, i in zip(there.tolist(), rows)})  # fmt: skip


def _of_particles(tables: Tables) -> list[Entry]:
    """The micrographs that particles name, where no table lists them."""
    table, groups = tables["particles"], optics_groups(tables, micrographs=True)
    first = dict(zip(reversed(table.listed(NAME)), reversed(table.get_ints("rlnOpticsGroup", 1).tolist())))
    return [Entry(name, groups[first[name]], None) for name in sorted(first) if first[name] in groups]


def _bare(path: str) -> Entry:
    """A file of which nothing but its header is known."""
    pixel = mrc.read_header(path).pixel_size or 1.0
    return Entry(path, replace(Optics(1, "", 300.0, 2.7, 0.1, 1.0), pixel_size=pixel), None)
