"""Which rows of ``data_micrographs`` stay, and why the others do not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.io.star import Tables
from spa.model.expression import mask
from spa_plugins.curate_rules import auto
from spa_plugins.curate_rules.auto import Limit


@dataclass(frozen=True)
class Sorting:
    """A document, the reasons against each of its micrographs (none: it stays), and what was judged."""

    tables: Tables
    reasons: list[list[str]]
    quantities: dict[str, np.ndarray]
    limits: list[Limit]

    @property
    def good(self) -> np.ndarray:
        return np.array([not reasons for reasons in self.reasons], bool)

    def lines(self) -> Iterator[str]:
        """A line for each micrograph that is dropped."""
        names = self.tables["micrographs"].text("rlnMicrographName")
        for name, reasons in zip(names, self.reasons):
            if reasons:
                yield f"dropped {name}: {'; '.join(reasons)}"

    def kept(self) -> Tables:
        """The document with the good micrographs and their picks. DataError when none is left."""
        if not self.good.any():
            raise DataError(f"{self.tables.source}: no micrograph is left of {len(self.good)}")
        return self._only(self.good)

    def rejected(self) -> Tables:
        """The document with the dropped micrographs, their picks, and why (_spaRejectedBy)."""
        tables = self._only(~self.good)
        why = [",".join(_word(reason) for reason in reasons) for reasons in self.reasons if reasons]
        return tables.with_block("micrographs", tables["micrographs"].with_columns(spaRejectedBy=why))

    def _only(self, rows: np.ndarray) -> Tables:
        table = self.tables["micrographs"].take(rows)
        tables = self.tables.with_block("micrographs", table)
        if "particles" in tables and "rlnMicrographName" in tables["particles"]:
            picks = tables["particles"]
            stay = np.isin(picks.text("rlnMicrographName").astype(str), table.text("rlnMicrographName").astype(str))
            tables = tables.with_block("particles", picks.take(stay))
        return tables

    def thresholds(self) -> dict[str, list[float]]:
        """The limits of each quantity."""
        found: dict[str, list[float]] = {}
        for limit in self.limits:
            found.setdefault(limit.quantity, []).append(limit.value)
        return found

    def summary(self) -> str:
        kept = int(self.good.sum())
        return f"{kept} of {len(self.good)} micrographs kept, {len(self.good) - kept} dropped"


def sort(tables: Tables, keep: Sequence[str], by_outliers: bool) -> Sorting:
    """Judge the micrographs; expressions may name what ``quantities`` gives. DataError for nothing to judge by."""
    table = tables["micrographs"]
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    optics = tables.blocks.get("optics")
    reasons: list[list[str]] = [[] for _ in range(len(table))]
    found = quantities(tables)
    judged = table.with_columns(**{name: values for name, values in found.items() if name not in table})
    for expression in keep:
        for row in np.flatnonzero(~mask(expression, judged, optics)):
            reasons[row].append(f"not {expression}")
    if by_outliers and not found:
        raise DataError(f"{table.where}: nothing for --auto to judge by (it has {', '.join(table.columns)})")
    limits = auto.limits(found) if by_outliers else []
    if by_outliers and "defocus" in found:
        for row in np.flatnonzero(~np.isfinite(found["defocus"])):
            reasons[row].append("defocus is no number")
    for limit in limits:
        values = found[limit.quantity]
        side = "above" if limit.high else "below"
        for row in np.flatnonzero(limit.passed(values)):
            reasons[row].append(f"{limit.quantity} {values[row]:.4g} is {side} {limit.value:.4g} ({limit.why})")
    return Sorting(tables, reasons, found, limits)


def _word(reason: str) -> str:
    """A reason as one word, for programs that split rows at every blank, and without what explains the limit."""
    short = reason.partition(" (median")[0].partition(" (below")[0]
    return short.replace(" is above ", ">").replace(" is below ", "<").replace(" ", "_")


def quantities(tables: Tables) -> dict[str, np.ndarray]:
    """What ``--auto`` judges by, (n,) each: columns by their names, and ``defocus`` (mean, angstroms) and ``picks``."""
    table = tables["micrographs"]
    names = dict.fromkeys([auto.RINGS.quantity, *(rule.quantity for rule in auto.RULES)])
    found = {name: table.floats(name, missing=np.nan) for name in names if name in table}
    if "rlnDefocusU" in table and "rlnDefocusV" in table:
        u, v = (table.floats(f"rlnDefocus{axis}", missing=np.nan) for axis in "UV")
        found["defocus"] = (u + v) / 2
    if "particles" in tables and "rlnMicrographName" in tables["particles"]:
        place = {name: row for row, name in enumerate(table.text("rlnMicrographName"))}
        rows = [place[name] for name in tables["particles"].text("rlnMicrographName") if name in place]
        found["picks"] = np.bincount(np.array(rows, int), minlength=len(table)).astype(float)
    return found
