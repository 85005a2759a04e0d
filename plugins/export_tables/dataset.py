"""RELION's tables as a cryoSPARC dataset: the way back of `spa import particles`."""

import os
from typing import Any

import numpy as np

from spa.errors import DataError, SpaError
from spa.io import mrc
from spa.io.stacks import parse_name
from spa.io.star import Table, Tables
from spa.model.optics import optics_groups, require_groups
from spa.model.particles import particles_of
from spa.model.poses import matrices
from spa.model.positions import MICROGRAPH_PIXEL_SIZES, micrograph_pixel_sizes
from spa.volume.rotations import rotation_vectors

UID = "spaCryosparcUid"
_MILLIMETRE = 1e7  # angstroms
_NOT_CARRIED = ("rlnOddZernike", "rlnEvenZernike", "rlnMagMat00", "rlnMtfFileName")
Field = tuple[str, Any, np.ndarray]


def uids(table: Table, rng: np.random.Generator) -> np.ndarray:
    """(n,) uint64: those that the table has, or new ones; DataError where they are no such numbers or there twice."""
    if UID not in table:
        return rng.integers(1, 2**63, len(table), dtype=np.uint64)
    try:
        found = np.array([int(text) for text in table.text(UID)], np.uint64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{table.where}: {UID}: {error}") from None
    if len(np.unique(found)) < len(found):
        raise DataError(f"{table.where}: a {UID} is there twice (copies of a particle?)")
    return found


def left_out(tables: Tables) -> list[str]:
    """What the dataset cannot hold, in words."""
    optics = tables["optics"]
    return [f"{optics.where}: {name} is not carried over" for name in _NOT_CARRIED if name in optics]


def dataset_of(tables: Tables, uid: np.ndarray, absolute: bool) -> np.ndarray:
    """The structured array; DataError where the table lacks what it needs."""
    table = tables["particles"]
    particles, groups = particles_of(tables, ctf=False), optics_groups(tables)
    require_groups(groups, particles.optics_group, table.where)
    rows = [groups[number] for number in particles.optics_group]
    pixel = np.array([group.pixel_size for group in rows], np.float32)
    parsed = [parse_name(str(name)) for name in particles.names]
    names = [os.path.abspath(path) if absolute else path for _, path in parsed]
    fields: list[Field] = [("uid", "u8", uid), ("blob/path", None, _bytes(names)),
                           ("blob/idx", "u4", np.array([index for index, _ in parsed]))]  # fmt: skip
    sizes = _sizes(rows, [path for _, path in parsed])
    if sizes is not None:
        fields.append(("blob/shape", ("u4", (2,)), np.stack([sizes, sizes], 1)))
    fields += [("blob/psize_A", "f4", pixel), ("blob/sign", "f4", np.ones(len(rows))),
               ("blob/import_sig", "u8", np.zeros(len(rows)))]  # fmt: skip
    fields += _ctf(particles, rows, table) + _poses(particles, table, pixel) + _locations(tables)
    out = np.zeros(len(rows), [(name, values.dtype) if kind is None else (name, *_kind(kind))
                               for name, kind, values in fields])  # fmt: skip
    for name, _, values in fields:
        out[name] = values
    return out


def _kind(kind: Any) -> tuple:
    return kind if isinstance(kind, tuple) else (kind,)


def _bytes(texts: list[str]) -> np.ndarray:
    return np.array([text.encode("utf-8", "surrogateescape") for text in texts])


def _sizes(rows: list, paths: list[str]) -> np.ndarray | None:
    """Boxes by the optics table, or by the stacks' headers; None where neither says."""
    if all(group.image_size for group in rows):
        return np.array([group.image_size for group in rows])
    try:
        there = {path: mrc.read_header(path).shape[2] for path in dict.fromkeys(paths)}
    except SpaError:
        return None
    return np.array([there[path] for path in paths])


def _ctf(particles: Any, rows: list, table: Table) -> list[Field]:
    n = len(rows)
    cs = np.array([group.cs for group in rows])
    tilt = np.array([group.beam_tilt for group in rows])
    fields: list[Field] = [
        ("ctf/type", None, _bytes(["imported"] * n)), ("ctf/exp_group_id", "u4", particles.optics_group),
        ("ctf/accel_kv", "f4", np.array([group.voltage for group in rows])), ("ctf/cs_mm", "f4", cs),
        ("ctf/amp_contrast", "f4", np.array([group.contrast for group in rows])),
    ]  # fmt: skip
    if "rlnDefocusU" in table:
        fields += [
            ("ctf/df1_A", "f4", particles.defocus_u), ("ctf/df2_A", "f4", particles.defocus_v),
            ("ctf/df_angle_rad", "f4", particles.defocus_angle), ("ctf/phase_shift_rad", "f4", particles.phase_shift),
            ("ctf/scale", "f4", table.get_floats("rlnCtfScalefactor", 1.0)), ("ctf/scale_const", "f4", np.zeros(n)),
            ("ctf/bfactor", "f4", particles.bfactor),
        ]  # fmt: skip
    if "rlnCtfMaxResolution" in table:
        fields.append(("ctf/ctf_fit_to_A", "f4", table.floats("rlnCtfMaxResolution", missing=0.0)))
    fields.append(("ctf/tilt_A", ("f4", (2,)), np.sin(tilt / 1e3) * cs[:, None] * _MILLIMETRE))
    zeros = (("ctf/shift_A", 2), ("ctf/trefoil_A", 2), ("ctf/tetra_A", 4), ("ctf/anisomag", 4))
    return fields + [(name, ("f4", (count,)), np.zeros((n, count))) for name, count in zeros]


def _poses(particles: Any, table: Table, pixel: np.ndarray) -> list[Field]:
    """alignments3D of rot, tilt and psi; alignments2D of psi alone."""
    shift = particles.origin / pixel[:, None].astype(float)
    pose: np.ndarray
    if particles.has_poses:
        kind, pose = "alignments3D", rotation_vectors(matrices(*particles.euler.T).transpose(0, 2, 1))
    elif "rlnAnglePsi" in table:
        kind, pose = "alignments2D", particles.euler[:, 2]
    else:
        return []
    fields: list[Field] = [
        (f"{kind}/pose", ("f4", (3,)) if pose.ndim == 2 else "f4", pose),
        (f"{kind}/shift", ("f4", (2,)), shift), (f"{kind}/psize_A", "f4", pixel),
        (f"{kind}/split", "u4", np.maximum(particles.half - 1, 0)),
        (f"{kind}/alpha", "f4", np.ones(len(pixel))),
    ]  # fmt: skip
    if "rlnClassNumber" in table:
        fields.append((f"{kind}/class", "u4", np.maximum(table.ints("rlnClassNumber") - 1, 0)))
    return fields


def _locations(tables: Tables) -> list[Field]:
    """Micrographs, and where in them, as far as their headers can be read: the dataset has parts of their sides."""
    table, optics = tables["particles"], tables["optics"]
    if "rlnMicrographName" not in table:
        return []
    names = [str(name) for name in table.text("rlnMicrographName")]
    fields: list[Field] = [("location/micrograph_path", None, _bytes(names))]
    if any(name in optics for name in MICROGRAPH_PIXEL_SIZES):
        fields.append(("location/micrograph_psize_A", "f4", micrograph_pixel_sizes(table, optics)))
    if not all(name in table for name in ("rlnCoordinateX", "rlnCoordinateY")):
        return fields
    try:
        sides = {name: mrc.read_header(name).shape[1:] for name in dict.fromkeys(names)}
    except SpaError:
        return fields
    shape = np.array([sides[name] for name in names])
    return [*fields, ("location/micrograph_shape", ("u4", (2,)), shape),
            ("location/center_x_frac", "f8", table.floats("rlnCoordinateX") / shape[:, 1]),
            ("location/center_y_frac", "f8", table.floats("rlnCoordinateY") / shape[:, 0])]  # fmt: skip
