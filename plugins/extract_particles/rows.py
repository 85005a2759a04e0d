"""Picks joined with what is known of their micrographs."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.io.star import Table, Tables
from spa.model.filenames import partners
from spa.model.numbers import LIMIT, sensible
from spa.model.poses import matrices
from spa.model.positions import coordinates, micrograph_pixel_sizes, origins, pixel_size_column, positions
from spa.model.upgrade import is_old, upgraded
from spa_plugins.extract_particles.local import with_local_defocus

# What a particle takes over from its micrograph when it has no such column itself; the first three belong together.
_DEFOCUS = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
_POSE = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_FROM_MICROGRAPH = ("rlnPhaseShift", "rlnCtfBfactor", "rlnCtfScalefactor", "rlnCtfFigureOfMerit", "rlnCtfMaxResolution",
                    "rlnOpticsGroup")  # fmt: skip


@dataclass(frozen=True)
class Picks:
    """table: the particles to be; micrograph: names; centre (n, 2): whole pixels x, y; pixel_size in angstroms; errors:
    what is wrong with those that are left out."""

    table: Table
    optics: Table
    micrograph: np.ndarray
    centre: np.ndarray
    pixel_size: np.ndarray
    errors: list[DataError]


def joined(
    tables: Tables, beside: Tables | None, recenter: bool, about: tuple[float, float, float] | None,
    min_score: float | None,
) -> Picks:  # fmt: skip
    """Rows of ``data_particles`` (or a bare table of coordinates) with CTF and optics; DataError for what lacks."""
    old, tables = is_old(tables), upgraded(tables)
    picks = _bare(tables)
    if old and beside is not None:
        picks = picks.without("rlnOpticsGroup")  # that of the micrograph
    if min_score is not None:
        picks = picks.take(picks.floats("rlnAutopickFigureOfMerit") >= min_score)
    if not len(picks):
        raise DataError(f"{picks.where} has no rows" + (f" of a score of {min_score:g} or more" if min_score else ""))
    source = beside if beside is not None else tables
    optics = source["optics"]
    micrographs = source["micrographs"] if beside is not None else source.blocks.get("micrographs")
    own = "rlnDefocusU" in picks
    picks, errors = _focused(_with_micrographs(picks, micrographs))
    pixel_size = micrograph_pixel_sizes(picks, optics)
    if micrographs is not None and not own:
        picks = with_local_defocus(picks, micrographs, pixel_size)
    centre, table = _placed(picks, pixel_size, recenter, about)
    return Picks(table, optics, table.text("rlnMicrographName"), centre, pixel_size, errors)


def particle_optics(optics: Table, box: int, crop: int, pixel_size: float | None) -> Table:
    """``data_optics`` for the images: pixel size (angstroms; None: as the box says), box, no CTF in them."""
    name = pixel_size_column(optics)
    original = optics.floats("rlnMicrographOriginalPixelSize" if "rlnMicrographOriginalPixelSize" in optics else name)
    return optics.with_columns(
        rlnMicrographOriginalPixelSize=original, rlnMicrographPixelSize=optics.floats(name),
        rlnImagePixelSize=pixel_size or optics.floats(name) * box / crop, rlnImageSize=crop, rlnImageDimensionality=2,
        rlnCtfDataAreCtfPremultiplied=0,
    )  # fmt: skip


def _bare(tables: Tables) -> Table:
    if "particles" in tables or "" not in tables:
        return tables["particles"]
    return tables[""]


def _with_micrographs(picks: Table, micrographs: Table | None) -> Table:
    """Columns of the micrograph, by its name, for those that the picks lack; and its name as its own table has it."""
    names = picks.text("rlnMicrographName")
    if micrographs is None:
        return picks if "rlnOpticsGroup" in picks else picks.with_columns(rlnOpticsGroup=1)
    where = {name: row for row, name in enumerate(micrographs.text("rlnMicrographName"))}
    partner = partners(names, where)
    missing = [row for row, name in enumerate(names) if name not in partner]
    if missing:
        raise DataError(f"{picks.where} row {missing[0] + 1}: {names[missing[0]]} is not in {micrographs.where}, whose "
                        f"first is {next(iter(where), 'none')}")  # fmt: skip
    rows = np.array([where[partner[name]] for name in names], np.int64)
    if any(name != other for name, other in partner.items()):
        picks = picks.with_columns(rlnMicrographName=[partner[name] for name in names])
    own = "rlnDefocusU" in picks
    wanted = [*(() if own else _DEFOCUS), *_FROM_MICROGRAPH]
    new = {name: micrographs.text(name)[rows] for name in wanted if name in micrographs and name not in picks}
    return picks.with_columns(**new) if new else picks


def _focused(picks: Table) -> tuple[Table, list[DataError]]:
    """Those whose defocus is a number, where there is one; and of each micrograph how many have none.

    DataError where none is left.
    """
    columns = [picks.floats(name, missing=np.nan) for name in _DEFOCUS if name in picks]
    bad = ~np.all([np.abs(one) <= LIMIT for one in columns], axis=0) if columns else np.zeros(len(picks), bool)
    names = picks.text("rlnMicrographName")
    errors = []
    for name in dict.fromkeys(names[bad].tolist()):
        here = bad & (names == name)
        value = picks.text(next(one for one in _DEFOCUS if one in picks))[here][0]
        errors.append(DataError(f"{name}: the defocus of {here.sum()} of its {(names == name).sum()} particles is no "
                                f"number ({value})"))  # fmt: skip
    if bad.all():
        raise errors[0]
    return picks.take(~bad), errors


def _placed(
    picks: Table, pixel_size: np.ndarray, recenter: bool, about: tuple[float, float, float] | None
) -> tuple[np.ndarray, Table]:
    """Whole-pixel centres, and the table with them as coordinates and the rest in the origins (angstroms).

    A particle sits at coordinate - origin / pixel size; that stays so. about: the point of the map, angstroms from its
    centre, that becomes the particle: RELION's rule, the point seen at the particle's pose.
    """
    had = origins(picks) is not None
    if recenter and not had:
        raise DataError(f"{picks.where} has no rlnOriginXAngst and rlnOriginYAngst to recenter with")
    particle = positions(picks, pixel_size)
    if about:
        particle = particle + _seen(picks, about) / pixel_size[:, None]
    centre = np.floor((particle if recenter else coordinates(picks)) + 0.5).astype(np.int64)
    rest = ((centre - particle) * pixel_size[:, None]).round(6) + 0.0
    table = picks.with_columns(rlnCoordinateX=centre[:, 0].astype(float), rlnCoordinateY=centre[:, 1].astype(float))
    if had or rest.any():
        table = table.with_columns(rlnOriginXAngst=rest[:, 0], rlnOriginYAngst=rest[:, 1])
    return centre, table


def _seen(picks: Table, point: tuple[float, float, float]) -> np.ndarray:
    """(n, 2) where a point of the map is seen from its centre, angstroms. DataError without poses."""
    lacking = [name for name in _POSE if name not in picks]
    if lacking:
        raise DataError(f"{picks.where} has no {', '.join(lacking)}, which --center needs")
    angles = np.deg2rad(np.stack([sensible(picks, name) for name in _POSE]))
    return matrices(*angles)[:, :2] @ np.array(point)
