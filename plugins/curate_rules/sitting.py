"""The limits set by hand, on a page with a plot of each figure: kept as they are set, and taken up again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.io.star import Table, Tables
from spa.job.micrographs import entries
from spa.job.run import Run
from spa.web.choice import Kept, settle
from spa.web.films import Films
from spa.web.page import BadRequest, Page, number
from spa.web.server import serve
from spa_plugins.curate_rules import auto
from spa_plugins.curate_rules.sort import Sorting, quantities, sort
from spa_plugins.curate_rules.words import WORDS

_NO_FIGURES = ("rlnOpticsGroup", "rlnDefocusU", "rlnDefocusV")

Limits = dict[str, list[float | None]]  # of a figure the low and the high one


@dataclass(frozen=True)
class Chosen:
    """limits: of each figure that has some; dropped: rows that are dropped whatever their figures, from 0."""

    limits: Limits = field(default_factory=dict)
    dropped: Sequence[int] = ()


@dataclass(eq=False)
class Sitting:
    """figures: (rows,) each, by their names; given: expressions that hold whatever is chosen here."""

    tables: Tables
    given: Sequence[str]
    figures: dict[str, np.ndarray]
    films: Films
    chosen: Chosen
    file: Kept
    taken_up: bool = False

    @classmethod
    def of(cls, run: Run, tables: Tables, given: Sequence[str], by_outliers: bool) -> "Sitting":
        """From what an earlier sitting chose, or the outliers' limits, or none. DataError without a figure to show."""
        sort(tables, given, False)  # an expression that makes no sense ends the job here, not the page later
        rows, figures = entries(tables), shown(tables)
        if not figures:
            table = tables["micrographs"]
            raise DataError(f"{table.where}: no figures that --web could show (it has {', '.join(table.columns)})")
        made = cls(tables, given, figures, Films(rows), Chosen(), Kept.of(run, np.array([one.name for one in rows])))
        if by_outliers:
            made.chosen = Chosen(made.suggested)
        earlier = made.file.read(made.understood)
        if earlier is not None:
            made.chosen, made.taken_up = earlier, True
        return made

    @property
    def suggested(self) -> Limits:
        """Those of --auto."""
        found: Limits = {}
        for limit in auto.limits(quantities(self.tables)):
            found.setdefault(limit.quantity, [None, None])[limit.high] = float(limit.value)
        return {name: pair for name, pair in found.items() if name in self.figures}

    def page(self) -> Page:
        """The page of this sitting."""
        return Page("Curate exposures", "curate.js", self.facts, {"thumb": self.films.thumb},
                    {"save": self.save, "done": self.done})  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """What the page begins with; numbers that are not known are null."""
        figures = [
            {"name": name, "words": WORDS.get(name, (name, ""))[0], "unit": WORDS.get(name, (name, ""))[1],
             "values": [v if np.isfinite(v) else None for v in values.tolist()]}
            for name, values in self.figures.items()
        ]  # fmt: skip
        return {
            "names": [entry.name for entry in self.films.entries], "figures": figures, "given": self.given,
            "holds": sort(self.tables, self.given, False).good, "suggested": self.suggested,
            "limits": self.chosen.limits, "dropped": self.chosen.dropped,
        }  # fmt: skip

    def understood(self, given: Any) -> Chosen:
        """A choice out of JSON; BadRequest for anything else."""
        if not isinstance(given, dict) or not isinstance(given.get("limits"), dict):
            raise BadRequest("no limits in it")
        limits: Limits = {}
        for name, pair in given["limits"].items():
            if name not in self.figures or not isinstance(pair, list) or len(pair) != 2:
                raise BadRequest(f"{name[:40]!r}: not a low and a high limit of a figure")
            limits[name] = [None if one is None else number(one, name) for one in pair]
        dropped, n = given.get("dropped", []), len(self.films.entries)
        if not isinstance(dropped, list) or not all(type(one) is int and 0 <= one < n for one in dropped):
            raise BadRequest(f"dropped: not a list of numbers below {n}")
        return Chosen(limits, sorted(set(dropped)))

    def save(self, given: Any) -> int:
        """The choice as it is now; how many exposures it keeps."""
        chosen = self.understood(given)
        self.file.write(vars(chosen))
        self.chosen = chosen
        return int(self.sorting().good.sum())

    def done(self, _: Any) -> None:
        """BadRequest where no exposure would be left."""
        if not self.sorting().good.any():
            raise BadRequest("No exposure is left: move a limit.")

    def expressions(self) -> list[str]:
        """All that must hold, as --keep has it."""
        found = list(self.given)
        for name, pair in self.chosen.limits.items():
            unknown = "" if np.isfinite(self.figures[name]).all() else f" or isnan({name})"
            signed = zip((">=", "<="), pair)
            found += [f"{name} {sign} {limit!r}{unknown}" for sign, limit in signed if limit is not None]
        if self.chosen.dropped:
            found.append(f"rlnMicrographName not in {[self.films.entries[row].name for row in self.chosen.dropped]!r}")
        return found

    def sorting(self) -> Sorting:
        """What the choice makes of the table."""
        return sort(self.tables, self.expressions(), False)


def shown(tables: Tables) -> dict[str, np.ndarray]:
    """What --auto judges by, and every other column of numbers that differ; what does not differ comes last."""
    table = tables["micrographs"]
    found = quantities(tables)
    for name in table.columns:
        if name not in found and name not in _NO_FIGURES:
            values = _numbers(table, name)
            if values is not None and _kinds(values) > 1:
                found[name] = values
    known = [name for name, values in found.items() if _kinds(values)]
    return {name: found[name] for name in sorted(known, key=lambda name: _kinds(found[name]) == 1)}


def _kinds(values: np.ndarray) -> int:
    """How many different finite values there are."""
    return len(np.unique(values[np.isfinite(values)]))


def _numbers(table: Table, name: str) -> np.ndarray | None:
    try:
        return table.floats(name, missing=np.nan)
    except DataError:
        return None  # a text


def by_hand(run: Run, tables: Tables, given: Sequence[str], by_outliers: bool, port: int, browser: bool) -> Sorting:
    """Shows the page until its user is done; the sorting, which the run's history has as if given by --keep."""
    sitting = Sitting.of(run, tables, given, by_outliers)
    if sitting.taken_up:
        run.warn(f"goes on from {sitting.file.path}")
    serve(run, sitting.page(), port, browser)
    settle(run, auto=False, keep=tuple(sitting.expressions()))
    return sitting.sorting()
