"""Particles of cisTEM and Frealign as RELION's tables.

Conventions: psi, theta and phi are RELION's psi, tilt and rot; a shift says where the particle sits, RELION's origin
where it has to go, so that one is the other with its sign changed; both in angstroms. Defocus and its angle are the
same, the phase shift is in radians. Sources: Grigorieff, Methods Enzymol. 579 (2016) 191; Grant et al., eLife 7 (2018)
e35383; Frealign's forum, "Angle, shift conventions".
"""

from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.io.stacks import image_name
from spa.io.star import Table, Tables

_ANGLES = {
    "cisTEMAnglePhi": "rlnAngleRot", "cisTEMAngleTheta": "rlnAngleTilt", "cisTEMAnglePsi": "rlnAnglePsi",
}  # fmt: skip
_SHIFTS = {"cisTEMXShift": "rlnOriginXAngst", "cisTEMYShift": "rlnOriginYAngst"}
_CTF = {
    "cisTEMDefocus1": "rlnDefocusU", "cisTEMDefocus2": "rlnDefocusV", "cisTEMDefocusAngle": "rlnDefocusAngle",
}  # fmt: skip
_OPTICS = {
    "cisTEMPixelSize": "rlnImagePixelSize", "cisTEMMicroscopeVoltagekV": "rlnVoltage",
    "cisTEMMicroscopeCsMM": "rlnSphericalAberration", "cisTEMAmplitudeContrast": "rlnAmplitudeContrast",
}  # fmt: skip
_POSITION, _STACK, _MICROGRAPH = "cisTEMPositionInStack", "cisTEMStackFilename", "cisTEMOriginalImageFilename"
_PHASE, _CLASS = "cisTEMPhaseShift", "cisTEMBest2DClass"
_TILTS = ("cisTEMBeamTiltX", "cisTEMBeamTiltY")


def block(tables: Tables) -> Table | None:
    """The table of cisTEM in a document; None where there is none, or images are named as RELION does."""
    if any("rlnImageName" in table for table in tables.blocks.values()):
        return None
    found = (table for table in tables.blocks.values() if any(name.startswith("cisTEM") for name in table.columns))
    return next(found, None)


def tables_of(table: Table, document: Tables, stack: str | None) -> Tables:
    """``data_optics`` and ``data_particles`` of a table in cisTEM's columns, with the name and history of its document.

    stack: the file of the images, for tables that do not name it. What RELION has no name for (occupancy, score …)
    keeps cisTEM's. UsageError without a stack; DataError for positions below 1, or phase shifts that are no radians.
    """
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    numbers, group = _groups(table)
    optics = Table.of(
        rlnOpticsGroupName=[f"opticsGroup{n + 1}" for n in range(len(numbers))],
        rlnOpticsGroup=np.arange(len(numbers)) + 1,
        **{new: table.floats(old)[numbers] for old, new in _OPTICS.items() if old in table},
    )
    columns: dict[str, Any] = {"rlnImageName": _images(table, stack)}
    if _MICROGRAPH in table and all(name not in ("", "None") for name in table.listed(_MICROGRAPH)):
        columns["rlnMicrographName"] = table.text(_MICROGRAPH)
    columns |= {"rlnOpticsGroup": group}
    columns |= {new: table.floats(old) for old, new in (_CTF | _ANGLES).items() if old in table}
    columns |= {new: -table.floats(old) for old, new in _SHIFTS.items() if old in table}
    columns |= _phase(table)
    if _CLASS in table and (table.ints(_CLASS) > 0).all():
        columns["rlnClassNumber"] = table.ints(_CLASS)
    used = {*_OPTICS, *_CTF, *_ANGLES, *_SHIFTS, *_TILTS, _POSITION, _STACK, _MICROGRAPH, _PHASE, _CLASS}
    kept = {name: table.text(name) for name in table.columns if name not in used}
    empty = Tables({}, document.history, document.source)
    return empty.with_block("optics", optics).with_block("particles", Table.of(**columns, **kept))


def left_out(table: Table) -> list[str]:
    """Columns with a meaning that RELION's tables could hold, not zero, and not carried over."""
    return [name for name in _TILTS if name in table and table.floats(name).any()]


def _groups(table: Table) -> tuple[list[int], np.ndarray]:
    """The first row of each set of optics, and the group of every row, from 1, in the rows' order."""
    named = [table.floats(name).tolist() for name in _OPTICS if name in table]
    keys = list(zip(*named)) if named else [()] * len(table)
    number = {key: n for n, key in enumerate(dict.fromkeys(keys), start=1)}
    return [keys.index(key) for key in number], np.array([number[key] for key in keys])


def _images(table: Table, stack: str | None) -> list[str]:
    if stack is None and _STACK not in table:
        raise UsageError(f"{table.where} does not say in which stack its images are: --stack FILE")
    places = table.ints(_POSITION)
    bad = np.flatnonzero(places < 1)
    if bad.size:
        raise DataError(f"{table.where} row {bad[0] + 1}: {_POSITION} is {places[bad[0]]}; images count from 1")
    files = [stack] * len(table) if stack is not None else table.listed(_STACK)
    return [image_name(place - 1, file) for place, file in zip(places.tolist(), files)]


def _phase(table: Table) -> dict[str, np.ndarray]:
    """The phase shift in degrees, where one is not zero."""
    if _PHASE not in table or not table.floats(_PHASE).any():
        return {}
    radians = table.floats(_PHASE)
    bad = np.flatnonzero(~(np.abs(radians) <= 2 * np.pi))
    if bad.size:
        raise DataError(f"{table.where} row {bad[0] + 1}: {_PHASE} is {radians[bad[0]]:g}, no angle in radians")
    return {"rlnPhaseShift": np.rad2deg(radians)}
