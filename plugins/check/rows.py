"""Rows: values that are none, defocus, half-sets, duplicates."""

import numpy as np
from scipy.spatial import cKDTree

from spa.errors import DataError
from spa.io.star import Table, Tables
from spa.model.positions import micrograph_pixel_sizes, positions
from spa.model.twice import PARENT, REMEDY, repeated
from spa_plugins.check.findings import Findings

NUMBERS = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle", "rlnPhaseShift", "rlnAngleRot", "rlnAngleTilt",
           "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", "rlnCoordinateX", "rlnCoordinateY")  # fmt: skip
DEFOCUS = (500.0, 80_000.0)
UNEVEN = 0.05


def look(tables: Tables, distance: float, found: Findings) -> None:
    """Of particles, and of micrographs as far as they have the same columns."""
    looked = False
    for name in ("particles", "micrographs", "movies"):
        if name not in tables:
            continue
        looked = True
        table = tables[name]
        if not len(table):
            found.error("values", f"{table.where} has no rows")
            continue
        good = _numbers(table, found)
        if good:
            there = name == "particles" and "micrographs" in tables and "rlnDefocusU" in tables["micrographs"]
            _defocus(table, there, found)
        if name == "particles":
            _halves(table, found)
            _duplicates(table, found)
            _groups(table, found)
            if good:
                _near(tables, distance, found)
    if not looked:
        found.error("values", f"{tables.source}: no movies, micrographs or particles in it")


def _numbers(table: Table, found: Findings) -> bool:
    good = True
    for name in NUMBERS:
        if name not in table:
            continue
        try:
            values = table.floats(name)
        except DataError as error:
            found.error("values", str(error))
            good = False
            continue
        bad = np.flatnonzero(~(np.abs(values) < 1e6))
        if bad.size:
            found.error(
                "values", f"{table.where} row {bad[0] + 1}: {name} is {table.text(name)[bad[0]]} ({bad.size} rows)"
            )
            good = False
    return good


def _defocus(table: Table, elsewhere: bool, found: Findings) -> None:
    """elsewhere: whether the rows' micrographs stand beside them and have it, as of picks."""
    if "rlnDefocusU" not in table:
        if elsewhere:
            return
        found.note("defocus", f"{table.where}: no defocus: no CTF is known")
        return
    u = table.floats("rlnDefocusU")
    v = table.floats("rlnDefocusV") if "rlnDefocusV" in table else u
    over = np.flatnonzero(u < 0)
    if over.size:
        found.warning(
            "defocus", f"{table.where} row {over[0] + 1}: rlnDefocusU is {u[over[0]]:g} A, overfocus ({over.size} rows)"
        )
    odd = np.flatnonzero((u >= 0) & ~((u >= DEFOCUS[0]) & (u <= DEFOCUS[1])))
    if odd.size:
        hint = " (micrometres?)" if u[odd[0]] < 20 else ""
        found.warning(
            "defocus", f"{table.where} row {odd[0] + 1}: rlnDefocusU is {u[odd[0]]:g} A{hint} ({odd.size} rows)"
        )
    turned = np.flatnonzero(u < v - 1)
    if turned.size:
        found.warning("defocus", f"{table.where} row {turned[0] + 1}: rlnDefocusU < rlnDefocusV "
                                 f"({turned.size} rows)")  # fmt: skip
    much = np.flatnonzero(np.abs(u - v) > 0.2 * np.maximum(np.abs(u), 1))
    if much.size:
        found.note("defocus", f"{table.where}: {much.size} rows with astigmatism beyond 20% of the defocus")


def _halves(table: Table, found: Findings) -> None:
    if "rlnRandomSubset" not in table:
        return
    half = table.ints("rlnRandomSubset")
    bad = np.flatnonzero((half != 1) & (half != 2))
    if bad.size:
        found.warning("half-sets", f"{table.where} row {bad[0] + 1}: rlnRandomSubset is {half[bad[0]]} "
                                   f"({bad.size} rows)")  # fmt: skip
    share = float((half == 1).mean())
    if abs(share - 0.5) > UNEVEN and len(half) > 100:
        found.warning("half-sets", f"{table.where}: {share:.0%} of the rows are in half-set 1")


def _duplicates(table: Table, found: Findings) -> None:
    """Images that are there twice: copies over a symmetry are meant to be; in both half-sets they never are."""
    if "rlnImageName" not in table:
        return
    names = table.text("rlnImageName").astype(str)
    _, number, count = np.unique(names, return_inverse=True, return_counts=True)
    again = np.flatnonzero(repeated(table))
    if again.size:
        found.warning("duplicates", f"{table.where} row {again[0] + 1}: {names[again[0]]} is there before "
                                    f"({again.size} rows are such): {REMEDY} takes them out")  # fmt: skip
    if "rlnRandomSubset" in table:
        half = table.ints("rlnRandomSubset")
        low, high = (ufunc.reduceat(half[np.argsort(number, kind="stable")], np.r_[0, np.cumsum(count)[:-1]])
                     for ufunc in (np.minimum, np.maximum))  # fmt: skip
        both = int((low != high).sum())
        if both:
            found.error("duplicates", f"{table.where}: {both} images are in both half-sets: the FSC will be too high")


def _near(tables: Tables, distance: float, found: Findings) -> None:
    """Picks of one particle: they share signal and noise, and must not be parted over the half-sets."""
    table = tables["particles"]
    if "optics" not in tables or not all(n in table for n in ("rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY")):
        return
    if PARENT in table or distance <= 0:
        return
    try:
        pixel = micrograph_pixel_sizes(table, tables["optics"])
    except DataError as error:
        found.note("duplicates", f"distances of picks are not known: {error}")
        return
    at = positions(table, pixel) * pixel[:, None]
    _, micrograph = np.unique(table.text("rlnMicrographName").astype(str), return_inverse=True)
    far = float(np.ptp(at)) + 10 * distance
    pairs = cKDTree(np.column_stack([at, micrograph * far])).query_pairs(distance, output_type="ndarray")
    if not len(pairs):
        return
    found.warning(
        "duplicates", f"{table.where} row {pairs[0, 0] + 1}: {len(pairs)} pairs of picks are nearer than {distance:g} A"
    )
    if "rlnRandomSubset" in table:
        half = table.ints("rlnRandomSubset")[pairs]
        apart = int((half[:, 0] != half[:, 1]).sum())
        if apart:
            found.error("duplicates", f"{table.where}: {apart} pairs nearer than {distance:g} A are in both half-sets: "
                                      "the FSC will be too high")  # fmt: skip


def _groups(table: Table, found: Findings) -> None:
    if not any(name in table for name in ("rlnGroupName", "rlnGroupNumber", "rlnMicrographName")):
        found.warning(
            "groups",
            f"{table.where}: neither micrographs nor groups are named: noise and scale cannot be told apart by them",
        )
