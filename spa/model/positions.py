"""Where particles sit in their micrographs: coordinate - origin / pixel size."""

import numpy as np

from spa.errors import DataError
from spa.model.numbers import sensible
from spa.model.optics import TableLike

MICROGRAPH_PIXEL_SIZES = ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize")


def pixel_size_column(optics: TableLike) -> str:
    """The column of ``data_optics`` with the micrographs' pixel size; DataError where there is none."""
    name = next((name for name in MICROGRAPH_PIXEL_SIZES if name in optics), None)
    if name is None:
        wanted = ", ".join(MICROGRAPH_PIXEL_SIZES)
        raise DataError(f"{optics.where} has no pixel size of the micrographs: none of {wanted}")
    return name


def micrograph_pixel_sizes(table: TableLike, optics: TableLike) -> np.ndarray:
    """(n,) angstroms a pixel of each row's micrograph, by its optics group (the only one where rows do not say)."""
    sizes = optics.floats(pixel_size_column(optics))
    bad = np.flatnonzero(~(np.isfinite(sizes) & (sizes > 0)))
    if bad.size:
        raise DataError(f"{optics.where} row {bad[0] + 1}: a pixel size of {sizes[bad[0]]:g} angstroms")
    by_group = dict(zip(optics.ints("rlnOpticsGroup").tolist(), sizes.tolist()))
    if "rlnOpticsGroup" not in table and len(by_group) == 1:
        return np.full(len(table), sizes[0])
    groups = table.ints("rlnOpticsGroup")
    lost = np.flatnonzero(~np.isin(groups, list(by_group)))
    if lost.size:
        raise DataError(f"{table.where} row {lost[0] + 1}: optics group {groups[lost[0]]} is not in {optics.where}")
    return np.array([by_group[group] for group in groups.tolist()])


def coordinates(table: TableLike) -> np.ndarray:
    """(n, 2) rlnCoordinateX, Y in pixels of the micrograph; DataError naming the row where they make no sense."""
    return np.stack([sensible(table, name) for name in ("rlnCoordinateX", "rlnCoordinateY")], axis=1)


def origins(table: TableLike) -> np.ndarray | None:
    """(n, 2) rlnOriginXAngst, YAngst; None where the table has none."""
    names = ("rlnOriginXAngst", "rlnOriginYAngst")
    if not all(name in table for name in names):
        return None
    return np.stack([sensible(table, name) for name in names], axis=1)


def positions(table: TableLike, pixel_size: np.ndarray) -> np.ndarray:
    """(n, 2) x, y of the particles in pixels of the micrograph, origins taken into account."""
    shift = origins(table)
    at = coordinates(table)
    return at if shift is None else at - shift / pixel_size[:, None]
