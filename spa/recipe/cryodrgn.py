"""Poses and CTF as cryoDRGN keeps them (Zhong et al., Nat. Methods 18 (2021) 176; its documentation)."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.io.stacks import parse_name
from spa.io.star import Tables
from spa.io.whole import whole
from spa.model.optics import optics_groups, require_groups
from spa.model.particles import particles_of
from spa.model.poses import matrices
from spa.model.upgrade import is_old, upgraded


def write_pickles(folder: Path, tables: Tables) -> list[str]:
    """ctf.pkl and, where the particles have angles, poses.pkl into a folder; the files' names."""
    known = upgraded(tables) if is_old(tables) else tables
    ctf = cryodrgn_ctf(known)
    written: list[tuple[str, Any]] = [("ctf.pkl", ctf)]
    poses = cryodrgn_poses(known, ctf)
    if poses is not None:
        written.append(("poses.pkl", poses))
    for name, content in written:
        with whole(folder / name) as part, part.open("wb") as stream:
            pickle.dump(content, stream)
    return [str(folder / name) for name, _ in written]


def cryodrgn_ctf(tables: Tables) -> np.ndarray:
    """(n, 9) float32: box, pixel size, defocus U, V, angle, kV, Cs, contrast, phase shift; DataError without a box."""
    particles, groups = particles_of(tables), optics_groups(tables)
    require_groups(groups, particles.optics_group, tables["particles"].where)
    rows = [groups[number] for number in particles.optics_group]
    boxes = {number: _box(tables, number, group.image_size) for number, group in groups.items()
             if number in set(particles.optics_group.tolist())}  # fmt: skip
    return np.stack([
        [boxes[group.group] for group in rows], [group.pixel_size for group in rows], particles.defocus_u,
        particles.defocus_v, np.rad2deg(particles.defocus_angle), [group.voltage for group in rows],
        [group.cs for group in rows], [group.contrast for group in rows], np.rad2deg(particles.phase_shift),
    ], axis=1).astype(np.float32)  # fmt: skip


def cryodrgn_poses(tables: Tables, ctf: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Rotations (n, 3, 3) and shifts (n, 2) in parts of the box, float32; None where the table has no angles."""
    particles = particles_of(tables)
    if not particles.has_poses:
        return None
    width = ctf[:, :1].astype(float) * ctf[:, 1:2]
    return matrices(*particles.euler.T).astype(np.float32), (particles.origin / width).astype(np.float32)


def _box(tables: Tables, group: int, said: int | None) -> int:
    """Of a group's images: what the optics table says, or else the header of its first stack."""
    if said:
        return said
    from spa.io import mrc

    table: Any = tables["particles"]
    row = int(np.flatnonzero(table.ints("rlnOpticsGroup") == group)[0])
    _, path = parse_name(str(table.text("rlnImageName")[row]))
    try:
        return int(mrc.read_header(path).shape[2])
    except OSError as error:
        raise DataError(f"{tables['optics'].where} has no rlnImageSize, and {path}: {error}") from None
