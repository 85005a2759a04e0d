"""Tables of RELION before 3.1, and without what is spa's own."""

import numpy as np

from spa.errors import SpaError
from spa.io import mrc
from spa.io.stacks import parse_name
from spa.io.star import Tables
from spa.model.optics import optics_groups, require_groups

_SPREAD = ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnBeamTiltX", "rlnBeamTiltY",
           "rlnMtfFileName")  # fmt: skip
_ORIGINS = {"rlnOriginXAngst": "rlnOriginX", "rlnOriginYAngst": "rlnOriginY", "rlnOriginZAngst": "rlnOriginZ",
            "rlnOriginXPriorAngst": "rlnOriginXPrior", "rlnOriginYPriorAngst": "rlnOriginYPrior"}  # fmt: skip
MAGNIFICATION = 1e4  # pixel size in angstroms = 10 000 detector pixels (micrometres) / magnification
HALF_MODE = 12


def before_groups(tables: Tables) -> Tables:
    """One nameless block with each row's optics in it, and origins in pixels."""
    table, optics, groups = tables["particles"], tables["optics"], optics_groups(tables)
    numbers = table.ints("rlnOpticsGroup")
    require_groups(groups, numbers, table.where)
    row = {number: at for at, number in enumerate(optics.ints("rlnOpticsGroup").tolist())}
    of_row = np.array([row[number] for number in numbers.tolist()])
    pixel = np.array([groups[number].pixel_size for number in numbers.tolist()])
    for old, new in _ORIGINS.items():
        if old in table:
            table = table.with_columns(**{old: table.floats(old) / pixel}).renamed(**{old: new})
    added = {name: optics.text(name)[of_row] for name in _SPREAD if name in optics}
    if len(groups) > 1:
        added["rlnBeamTiltClass"] = numbers
    table = table.without("rlnOpticsGroup").with_columns(
        **added, rlnMagnification=MAGNIFICATION, rlnDetectorPixelSize=pixel
    )
    return Tables({"": table}, tables.history, tables.source)


def without_own(tables: Tables) -> Tables:
    """No columns and no blocks of spa's own."""
    for name, table in tables.blocks.items():
        mine = [column for column in table.columns if column.startswith("spa")]
        if mine and len(mine) == len(table.columns):
            tables = tables.without_block(name)
        elif mine:
            tables = tables.with_block(name, table.without(*mine))
    return tables


def half_precision(tables: Tables) -> list[str]:
    """The stacks that hold float16, of those that can be read."""
    paths = dict.fromkeys(parse_name(str(name))[1] for name in tables["particles"].text("rlnImageName"))
    found = []
    for path in paths:
        try:
            if mrc.read_header(path).mode == HALF_MODE:
                found.append(path)
        except SpaError:
            continue
    return found
