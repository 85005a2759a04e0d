"""Tables of RELION 3.0 and before, brought to the form of 3.1 to 5.

Those had no optics block: voltage and its kin stood in every row, origins were in pixels, and the pixel size was
10 000 x detector pixel (micrometres) / magnification. Source: RELION's documentation, "Conventions".
"""

from typing import Any

import numpy as np

from spa.errors import DataError

_OPTICS = (
    "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnMagnification", "rlnDetectorPixelSize",
    "rlnPixelSize", "rlnImagePixelSize", "rlnMicrographPixelSize", "rlnBeamTiltX", "rlnBeamTiltY", "rlnBeamTiltClass",
    "rlnMtfFileName",
)  # fmt: skip
_SCALE = ("rlnMagnification", "rlnDetectorPixelSize", "rlnPixelSize", "rlnImagePixelSize", "rlnMicrographPixelSize")
_ORIGINS = {
    "rlnOriginX": "rlnOriginXAngst", "rlnOriginY": "rlnOriginYAngst", "rlnOriginZ": "rlnOriginZAngst",
    "rlnOriginXPrior": "rlnOriginXPriorAngst", "rlnOriginYPrior": "rlnOriginYPriorAngst",
}  # fmt: skip
_KINDS = {  # by the first of these columns that a table has: its block, and the column of its pixel size
    "rlnImageName": ("particles", "rlnImagePixelSize"),
    "rlnMicrographMovieName": ("movies", "rlnMicrographOriginalPixelSize"),
    "rlnCoordinateX": ("particles", "rlnMicrographPixelSize"),
    "rlnMicrographName": ("micrographs", "rlnMicrographPixelSize"),
}


def is_old(tables: Any) -> bool:
    """Whether the document is of RELION 3.0 or before: no optics block, and optics in the rows."""
    return "optics" not in tables and _old_block(tables) is not None


def upgraded(tables: Any) -> Any:
    """The document (``spa.io.star.Tables``) in RELION 3.1's form; one that is so already comes back as it is.

    One optics group for each set of voltage, Cs, contrast, pixel size and beam tilt, in the rows' order. Columns that
    have no part in this stay as they are. DataError where a pixel size is needed and none can be found.
    """
    old = None if "optics" in tables else _old_block(tables)
    if old is None:
        return tables
    table = tables.blocks[old]
    kind, size_name = _KINDS[_mark(table) or ""]
    keys = [name for name in _OPTICS if name in table]
    rows = list(zip(*(table.listed(name) for name in keys)))
    first = {key: row for row, key in reversed(list(enumerate(rows)))}
    number = {key: group for group, key in enumerate(sorted(first, key=lambda key: first[key]), start=1)}
    group = np.array([number[key] for key in rows], np.int64)
    pixel_size = _pixel_sizes(table)
    optics = _optics(table.take(sorted(first.values())), size_name, pixel_size[sorted(first.values())])
    body = _in_angstroms(table, pixel_size).without(*keys).with_columns(rlnOpticsGroup=group)
    others = {name: other for name, other in tables.blocks.items() if name != old}
    return _document(tables, {"optics": optics, kind: body, **others})


def _old_block(tables: Any) -> str | None:
    for name, table in tables.blocks.items():
        if not table.simple and _mark(table) and ("rlnVoltage" in table or any(scale in table for scale in _SCALE)):
            return name
    return None


def _mark(table: Any) -> str | None:
    return next((mark for mark in _KINDS if mark in table), None)


def _pixel_sizes(table: Any) -> np.ndarray:
    """Angstroms a pixel for each row; NaN where the table does not say."""
    for name in ("rlnImagePixelSize", "rlnMicrographPixelSize", "rlnPixelSize"):
        if name in table:
            return table.floats(name)
    if "rlnMagnification" in table and "rlnDetectorPixelSize" in table:
        magnification = table.floats("rlnMagnification")
        bad = np.flatnonzero(~(magnification > 0))
        if bad.size:
            raise DataError(f"{table.where} row {bad[0] + 1}: rlnMagnification is {magnification[bad[0]]:g}")
        return np.array([float(f"{size:.9g}") for size in 1e4 * table.floats("rlnDetectorPixelSize") / magnification])
    return np.full(len(table), np.nan)


def _optics(groups: Any, size_name: str, pixel_size: np.ndarray) -> Any:
    """The optics table of rows that stand for their groups."""
    n = len(groups)
    optics = groups.of(
        rlnOpticsGroupName=[f"opticsGroup{i + 1}" for i in range(n)], rlnOpticsGroup=np.arange(n) + 1
    ).named(groups.where)
    if np.isfinite(pixel_size).all():
        optics = optics.with_columns(**{size_name: pixel_size})
    if size_name == "rlnMicrographPixelSize" and np.isfinite(pixel_size).all():
        optics = optics.with_columns(rlnMicrographOriginalPixelSize=pixel_size)
    keep = [name for name in _OPTICS if name in groups and name not in _SCALE and name != "rlnBeamTiltClass"]
    return optics.with_columns(**{name: groups.text(name) for name in keep})


def _in_angstroms(table: Any, pixel_size: np.ndarray) -> Any:
    """Origins in pixels become origins in angstroms, in the place of the old columns."""
    for old, new in _ORIGINS.items():
        if old in table and new not in table:
            if not np.isfinite(pixel_size).all():
                raise DataError(f"{table.where}: {old} is in pixels, and no pixel size is in the table")
            table = table.with_columns(**{old: table.floats(old) * pixel_size}).renamed(**{old: new})
    return table


def _document(tables: Any, blocks: dict[str, Any]) -> Any:
    for name in list(tables.blocks):
        tables = tables.without_block(name)
    for name, table in blocks.items():
        tables = tables.with_block(name, table)
    return tables
