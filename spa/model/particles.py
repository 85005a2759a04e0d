"""Particles as arrays: what ``data_particles`` says, in radians and angstroms."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.model.numbers import sensible, sensible_or_zero
from spa.model.optics import TableLike, TablesLike


@dataclass(frozen=True)
class Particles:
    """Arrays over the rows of ``data_particles``.

    euler: (n, 3) rot, tilt, psi in radians (0 where unset); origin: (n, 2) x, y in angstroms, the shift that centres
    the image; defocus in angstroms, angles in radians; bfactor in square angstroms; half: 1, 2, or 0 where unset.
    """

    names: np.ndarray
    optics_group: np.ndarray
    defocus_u: np.ndarray
    defocus_v: np.ndarray
    defocus_angle: np.ndarray
    phase_shift: np.ndarray
    bfactor: np.ndarray
    euler: np.ndarray
    origin: np.ndarray
    half: np.ndarray
    micrographs: np.ndarray
    has_poses: bool

    def __len__(self) -> int:
        return len(self.names)


_EULER = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_ORIGIN = ("rlnOriginXAngst", "rlnOriginYAngst")


def particles_of(tables: TablesLike, ctf: bool = True) -> Particles:
    """The particles of a RELION 3.1 to 5 document (older: ``upgraded`` first).

    ctf: whether defocus is needed (DataError where it is missing, otherwise it is 0).
    Raises DataError: no rows, a column missing, a value that is no number, not finite, or absurdly large.
    """
    table = tables["particles"]
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    u, v, angle = _defocus(table, ctf)
    return Particles(
        names=table.text("rlnImageName"),
        optics_group=table.ints("rlnOpticsGroup"),
        defocus_u=u,
        defocus_v=v,
        defocus_angle=angle,
        phase_shift=np.deg2rad(sensible_or_zero(table, "rlnPhaseShift")),
        bfactor=sensible_or_zero(table, "rlnCtfBfactor"),
        euler=np.deg2rad(np.stack([sensible_or_zero(table, name) for name in _EULER], axis=1)),
        origin=np.stack([sensible_or_zero(table, name) for name in _ORIGIN], axis=1),
        half=table.ints("rlnRandomSubset") if "rlnRandomSubset" in table else np.zeros(len(table), np.int64),
        micrographs=_micrographs(table),
        has_poses=all(name in table for name in _EULER),
    )


def _defocus(table: TableLike, needed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not needed and "rlnDefocusU" not in table:
        return np.zeros(len(table)), np.zeros(len(table)), np.zeros(len(table))
    u = sensible(table, "rlnDefocusU")
    v = sensible(table, "rlnDefocusV") if "rlnDefocusV" in table else u.copy()
    return u, v, np.deg2rad(sensible_or_zero(table, "rlnDefocusAngle"))


def _micrographs(table: TableLike) -> np.ndarray:
    return table.text("rlnMicrographName") if "rlnMicrographName" in table else np.full(len(table), "", object)
