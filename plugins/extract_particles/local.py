"""The defocus of each particle, from the surface of its micrograph where the table names one."""

import numpy as np

from spa.io.star import Table
from spa.io.table import MISSING
from spa.model.positions import positions
from spa.recipe import surface

_DEFOCUS = ("rlnDefocusU", "rlnDefocusV")


def with_local_defocus(picks: Table, micrographs: Table, pixel_size: np.ndarray) -> Table:
    """``picks``, whose defocus is that of their micrographs, with what it is where each particle sits.

    Micrographs without a surface leave their particles as they are.
    """
    if surface.COLUMN not in micrographs or not all(name in picks for name in _DEFOCUS):
        return picks
    at, more = positions(picks, pixel_size), np.zeros(len(picks))
    names = picks.text("rlnMicrographName")
    for name, file in zip(micrographs.listed("rlnMicrographName"), micrographs.listed(surface.COLUMN)):
        mine = names == name
        if file not in MISSING and mine.any():
            more[mine] = surface.read(file).at(at[mine])
    return picks.with_columns(**{name: (picks.floats(name) + more).round(2) for name in _DEFOCUS})
