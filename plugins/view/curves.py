"""Curves of tables: Fourier shell correlations, and how views are spread over the sphere."""

import re
from typing import Any

import numpy as np

from spa.errors import UsageError
from spa.io import star
from spa.io.star import Table, Tables
from spa.job.maps import BLOCK, NAME, ROLE
from spa.job.run import Run
from spa.plot.views import copies, histogram, smooth
from spa.volume.fsc import crossing
from spa.volume.symmetry import canonical, operators
from spa.web.page import BadRequest, numbers
from spa_plugins.view.inputs import Shelf, of_kind

NAMES = {
    "rlnFourierShellCorrelationCorrected": "corrected", "rlnFourierShellCorrelationMaskedMaps": "masked",
    "rlnFourierShellCorrelationUnmaskedMaps": "unmasked", "spaFourierShellCorrelationSpherical": "spherical",
    "spaFourierShellCorrelationLoose": "loose", "spaFourierShellCorrelationTight": "tight",
    "rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps": "phases randomised",
    "rlnGoldStandardFsc": "half maps",
}  # fmt: skip
BAND = ("spaFourierShellCorrelationLow", "spaFourierShellCorrelationHigh")
_SYMMETRY = re.compile(r" (?:abinit|refine) .*--symmetry (\S+)")
_MOST = 200  # tables of curves, of which maps in series have many


class Curves:
    """The FSC curves of all tables, and of those that maps in a table go with."""

    def __init__(self, run: Run, shelf: Shelf) -> None:
        found = {tables.source: tables for tables in of_kind(shelf.tables, "fsc")}
        for tables in of_kind(shelf.tables, BLOCK):
            table = tables[BLOCK]
            for path in table.text(NAME)[table.text(ROLE) == "fsc"][:_MOST].tolist():
                if path not in found:
                    found[path] = star.read(run.input(path))
        self.tables = [one for one in found.values() if "fsc" in one and "rlnResolution" in one["fsc"]]

    def __len__(self) -> int:
        return len(self.tables)

    def facts(self) -> list[dict[str, Any]]:
        """For each table its curves, against 1 / angstroms; band: where the corrected one may lie by chance."""
        return [_facts(one) for one in self.tables]


def _facts(tables: Tables) -> dict[str, Any]:
    table = tables["fsc"]
    frequency = table.floats("rlnResolution").copy()
    frequency[frequency < 0.0011] = 0  # the first shell, which RELION's tables have as 999 angstroms
    curves = [_curve(table, name, words, frequency) for name, words in NAMES.items() if name in table]
    band = [_values(table, name) for name in BAND] if all(name in table for name in BAND) else None
    return {"name": tables.source, "frequency": numbers(frequency), "curves": curves, "band": band}


def _curve(table: Table, name: str, words: str, frequency: np.ndarray) -> dict[str, Any]:
    """A curve, and the resolution at which it falls below 0.143, angstroms; none for what is to be near 0."""
    shell = crossing(np.nan_to_num(table.floats(name, missing=np.nan)), 0.143)
    found = None if words.startswith("phases") or not 0 < shell < len(frequency) else round(1 / frequency[shell], 4)
    return {"name": words, "values": _values(table, name), "resolution": found}


def _values(table: Table, name: str) -> list[float | None]:
    return numbers(table.floats(name, missing=np.nan), 4)


class Views:
    """Particles with poses."""

    def __init__(self, shelf: Shelf) -> None:
        self.tables = [one for one in of_kind(shelf.tables, "particles") if _posed(one["particles"])]

    def __len__(self) -> int:
        return len(self.tables)

    def facts(self) -> list[dict[str, Any]]:
        """Of each table how many, and the point group that its history tells."""
        return [{"name": one.source, "count": len(one["particles"]), "symmetry": _symmetry(one)} for one in self.tables]

    def cells(self, asked: Any) -> list[list[float | None]]:
        """Views in cells of equal solid angle, tilt from 0 down and rot across from -180, relative to uniform ones."""
        words = asked if isinstance(asked, dict) else {}
        of, group = words.get("of"), words.get("symmetry", "C1")
        if isinstance(of, bool) or not isinstance(of, int) or not 0 <= of < len(self.tables):
            raise BadRequest(f"{str(of)[:40]!r} is no table of views")
        try:
            turns = operators(canonical(str(group)[:8]))
        except UsageError as error:
            raise BadRequest(str(error)) from None
        table = self.tables[of]["particles"]
        rot, tilt = (np.deg2rad(table.floats(f"rlnAngle{name}")) for name in ("Rot", "Tilt"))
        return [numbers(row, 4) for row in smooth(histogram(*copies(rot, tilt, turns)))]


def _posed(table: Table) -> bool:
    return "rlnAngleRot" in table and "rlnAngleTilt" in table


def _symmetry(tables: Tables) -> str:
    """Of the last step that found poses."""
    found = [match.group(1) for line in tables.history for match in [_SYMMETRY.search(line)] if match]
    try:
        return canonical(found[-1]) if found else "C1"
    except UsageError:
        return "C1"
