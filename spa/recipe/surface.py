"""A defocus surface as a small table beside its micrograph."""

from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.image.surface import Surface, terms
from spa.io import star
from spa.io.star import Table, Tables
from spa.model.numbers import sensible

COLUMN = "spaDefocusSurface"
"""The column of ``data_micrographs`` that names the table."""

_ORDERS, _VALUE = ("spaSurfaceOrderX", "spaSurfaceOrderY"), "spaSurfaceCoefficient"


def write(path: str | Path, surface: Surface) -> None:
    """Write a surface; `read` has it back."""
    (ny, nx), (x, y) = surface.shape, surface.reach
    general = Table.pairs(rlnImageSizeX=nx, rlnImageSizeY=ny, spaSurfaceReachX=float(x), spaSurfaceReachY=float(y))
    i, j = np.array(terms(surface.degree)).T
    rows = Table.of(**dict(zip(_ORDERS, (i, j))), **{_VALUE: surface.coefficients.round(4)})
    star.write(Tables({"general": general, "surface": rows}), path)


def read(path: str | Path) -> Surface:
    """A surface as `write` wrote it. DataError where the table is not one."""
    tables = star.read(path)
    general, rows = tables["general"], tables["surface"]
    orders = list(zip(*(rows.ints(name).tolist() for name in _ORDERS)))
    number = np.array([sensible(general, name)[0] for name in (
        "rlnImageSizeY", "rlnImageSizeX", "spaSurfaceReachX", "spaSurfaceReachY")])  # fmt: skip
    surface = Surface((int(number[0]), int(number[1])), (number[2], number[3]), sensible(rows, _VALUE))
    if not orders or orders != terms(surface.degree) or min(surface.shape) < 1:
        raise DataError(f"{rows.where}: not the coefficients of a surface, lowest orders first")
    return surface
