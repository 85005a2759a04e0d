"""Particles that are in a table twice, and count twice in all that is made of it."""

import numpy as np

from spa.model.optics import TableLike

PARENT = "spaSymmetryParent"
REMEDY = "spa star cat --unique rlnImageName"
_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_ORIGIN = ("rlnOriginXAngst", "rlnOriginYAngst")
_SAME = 1e-3  # degrees and angstroms


def repeated(table: TableLike) -> np.ndarray:
    """Mask (n,) of rows whose image is that of a row before them; none where copies are meant.

    Copies are meant where the table names their parents (`spa symmetry expand`), where every image is there equally
    often and each time at another pose, and where the copies of an image differ in their angles alone (as
    relion_particle_symmetry_expand leaves them).
    """
    again = np.zeros(len(table), bool)
    if "rlnImageName" not in table or PARENT in table:
        return again
    _, first, which, count = np.unique(
        table.text("rlnImageName").astype(str), return_index=True, return_inverse=True, return_counts=True
    )
    if len(first) == len(table):
        return again
    again[:] = True
    again[first] = False
    if not all(name in table for name in _ANGLES):
        return again
    order = np.argsort(which, kind="stable")
    follows = np.diff(which[order], prepend=-1) == 0
    turned, moved = _differ(table, _ANGLES, order), _differ(table, _ORIGIN, order)
    evenly = count.min() == count.max() and bool((turned | moved)[follows].all())
    if evenly:
        return np.zeros(len(table), bool)
    again[order[follows & turned & ~moved]] = False
    return again


def _differ(table: TableLike, names: tuple[str, ...], order: np.ndarray) -> np.ndarray:
    """Whether the columns of a row differ from those of the row before it in an order; (n,) in that order."""
    there = [table.floats(name)[order] for name in names if name in table]
    if not there:
        return np.zeros(len(order), bool)
    return np.abs(np.diff(np.stack(there), axis=1, prepend=np.inf)).max(axis=0) > _SAME
