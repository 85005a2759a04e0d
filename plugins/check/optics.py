"""Optics groups: numbers that no microscope has, groups that are not there, doses."""

from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.io.star import Table, Tables
from spa_plugins.check.findings import Findings

VOLTAGES = (80.0, 100.0, 120.0, 200.0, 300.0)
CORRECTED = (0.001, 0.01)  # mm: as corrected lenses are written
CONTRAST = (0.04, 0.25)
PIXELS = (0.3, 12.0)
FRAME_DOSE, TOTAL_DOSE = (0.05, 5.0), (5.0, 150.0)
PIXEL_SIZES = ("rlnImagePixelSize", "rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize")
MOVIES = "rlnMicrographMovieName"


def look(tables: Tables, found: Findings) -> None:
    """Of the table of optics groups, and of the rows' groups."""
    if "optics" not in tables:
        found.error("groups", f"{tables.source}: no data_optics: pixel size, kV and Cs are not known")
        return
    optics = tables["optics"]
    try:
        _lens(optics, found)
        _pixels(optics, found, any("rlnImageName" in table for table in tables.blocks.values()))
        _groups(tables, found)
        _dose(tables, found)
    except DataError as error:
        found.error("values", str(error))
    for name in ("rlnMtfFileName", "rlnMicrographGainName"):
        for table in tables.blocks.values():
            if name in table:
                for path in dict.fromkeys(table.listed(name)):
                    if path not in ("", "None", "none") and not Path(path).exists():
                        found.warning("files", f"{table.where}: {name}: {path} is not there")


def _lens(optics: Table, found: Findings) -> None:
    for row in range(len(optics)):
        where = f"{optics.where} row {row + 1}"
        for name in ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"):
            if name not in optics:
                found.error("lens", f"{where}: no {name}")
                return
        voltage, cs, contrast = (optics.floats(name)[row] for name in
                                 ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"))  # fmt: skip
        if not 10 <= voltage <= 3000:
            found.error("lens", f"{where}: rlnVoltage is {voltage:g} kV" + " (volts?)" * int(voltage > 3000))
        elif voltage not in VOLTAGES:
            found.warning("lens", f"{where}: rlnVoltage is {voltage:g} kV, which few microscopes have")
        if not 0 <= cs < 20:
            found.error("lens", f"{where}: rlnSphericalAberration is {cs:g} mm")
        elif cs > 5 or (0 < cs < 0.3 and cs not in CORRECTED):
            unit = " (metres?)" * int(0.0003 < cs < 0.005)
            found.warning("lens", f"{where}: rlnSphericalAberration is {cs:g} mm; microscopes have 0.3 to 3.4{unit}")
        if not 0 <= contrast < 1:
            found.error("lens", f"{where}: rlnAmplitudeContrast is {contrast:g}")
        elif not CONTRAST[0] <= contrast <= CONTRAST[1]:
            found.warning("lens", f"{where}: rlnAmplitudeContrast is {contrast:g}; ice has 0.07 to 0.1")


def _pixels(optics: Table, found: Findings, images: bool) -> None:
    names = [name for name in PIXEL_SIZES if name in optics]
    if not names:
        found.error("pixel size", f"{optics.where} has no pixel size: none of {', '.join(PIXEL_SIZES)}")
    elif images and "rlnImagePixelSize" not in optics:
        found.error("pixel size", f"{optics.where} has no rlnImagePixelSize, and there are images")
    for name in names:
        for row, size in enumerate(optics.floats(name)):
            if not 0 < size < 100:
                found.error("pixel size", f"{optics.where} row {row + 1}: {name} is {size:g} A")
            elif not PIXELS[0] <= size <= PIXELS[1]:
                found.warning("pixel size", f"{optics.where} row {row + 1}: {name} is {size:g} A")
            elif size == 1:
                found.warning(
                    "pixel size", f"{optics.where} row {row + 1}: {name} is 1 A: what programs write that do not know"
                )
    if len(names) > 1 and "rlnImagePixelSize" in names:
        other = next(name for name in names if name != "rlnImagePixelSize")
        ratio = optics.floats("rlnImagePixelSize") / optics.floats(other)
        for row in np.flatnonzero((ratio > 0) & (ratio < 0.99)).tolist():
            found.warning(
                "pixel size", f"{optics.where} row {row + 1}: images are finer than {other}: by {1 / ratio[row]:.3g}"
            )


def _groups(tables: Tables, found: Findings) -> None:
    optics = tables["optics"]
    numbers = optics.ints("rlnOpticsGroup")
    if len(set(numbers.tolist())) < len(numbers):
        found.error("groups", f"{optics.where}: an optics group is there twice")
    if sorted(numbers.tolist()) != list(range(1, len(numbers) + 1)):
        found.warning(
            "groups", f"{optics.where}: groups are numbered {sorted(numbers.tolist())[:6]}; RELION wants 1, 2, 3 ..."
        )
    for name, table in tables.blocks.items():
        if name == "optics" or "rlnOpticsGroup" not in table:
            continue
        used = table.ints("rlnOpticsGroup")
        lost = np.flatnonzero(~np.isin(used, numbers))
        if lost.size:
            found.error("groups", f"{table.where} row {lost[0] + 1}: group {used[lost[0]]} is not in data_optics"
                                  f" ({lost.size} rows)")  # fmt: skip
        idle = [int(number) for number in numbers if number not in used]
        if idle:
            found.note("groups", f"{table.where}: no row is in optics groups {', '.join(map(str, idle))}")


def _dose(tables: Tables, found: Findings) -> None:
    """Of movies: electrons per square angstrom and frame, and in all."""
    optics = tables["optics"]
    table = next((one for one in tables.blocks.values() if MOVIES in one), None)
    if table is None:
        return
    place = next((one for one in (table, optics) if "rlnMicrographDoseRate" in one or "rlnDosePerFrame" in one), None)
    if place is None:
        found.note("dose", f"{table.where}: no dose a frame is known: sums will not be dose-weighted")
        return
    name = "rlnMicrographDoseRate" if "rlnMicrographDoseRate" in place else "rlnDosePerFrame"
    dose = place.floats(name)
    bad = np.flatnonzero(~((dose >= FRAME_DOSE[0]) & (dose <= FRAME_DOSE[1])))
    if bad.size:
        found.warning("dose", f"{place.where} row {bad[0] + 1}: {name} is {dose[bad[0]]:g} e/A^2 a frame")
    if "rlnMicrographFrameNumber" in table and place is table:
        total = dose * table.floats("rlnMicrographFrameNumber")
        bad = np.flatnonzero(~((total >= TOTAL_DOSE[0]) & (total <= TOTAL_DOSE[1])))
        if bad.size:
            found.warning("dose", f"{table.where} row {bad[0] + 1}: {total[bad[0]]:g} e/A^2 in all frames")
