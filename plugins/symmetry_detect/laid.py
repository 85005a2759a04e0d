"""Files and tables of what is laid on axes, or on another map."""

from typing import Protocol

import numpy as np

from spa.image.straight import bent_poses
from spa.io import mrc
from spa.io.mrc import Image
from spa.io.star import Tables
from spa.job import maps
from spa.job.particles import aberrations_by_row, pose_columns
from spa.job.run import Run
from spa.model.numbers import sensible
from spa.model.poses import matrices
from spa.symmetry import place

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
ORIGIN = ("rlnOriginXAngst", "rlnOriginYAngst")


class Place(Protocol):
    """frame (3, 3) and centre (3,) x y z, pixels from the box's middle, as `place.laid` takes them."""

    @property
    def frame(self) -> np.ndarray: ...
    @property
    def centre(self) -> np.ndarray: ...


def laid_maps(
    run: Run, tables: Tables, image: Image, there: Place, number: int, group: np.ndarray | None = None,
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Tables:  # fmt: skip
    """The map, half maps and mask written into DIR where they are to lie, in the place of the old ones; an FSC stays.

    group (g, 3, 3): that the map is averaged over; origin: x, y, z (angstroms) of their first voxel.
    """
    assert run.outdir is not None
    volumes = {"map": place.laid(image.data, there.frame, there.centre, group)}
    for role in ("half1", "half2", "mask"):
        name = maps.find(tables, role, None, number)
        if name:
            other = maps.read_like(run, name, image, contrast=role != "mask")
            volumes[role] = place.laid(other.data, there.frame, there.centre)
    if "mask" in volumes:
        volumes["mask"] = np.clip(volumes["mask"], 0, 1)
    for role, volume in volumes.items():
        mrc.write(run.outdir / f"{role}.mrc", volume, image.pixel_size, origin=origin)
    return maps.with_maps(tables, [(role, str(run.outdir / f"{role}.mrc")) for role in volumes], number)


def laid_particles(tables: Tables, there: Place, pixel_size: float, number: int | None) -> Tables:
    """New angles and origins of the particles (of a class, where one is named); tables without poses stay."""
    if "particles" not in tables or not all(name in tables["particles"] for name in ANGLES):
        return tables
    table = tables["particles"]
    angles = np.deg2rad([sensible(table, name) for name in ANGLES])
    origins = np.stack([sensible(table, name) if name in table else np.zeros(len(table)) for name in ORIGIN], axis=1)
    centre, poses = there.centre * pixel_size, matrices(*angles)
    seen = bent_poses(poses, *aberrations_by_row(tables))
    shifts = place.laid_poses(seen, -origins, there.frame, centre)[1]
    poses, _ = place.laid_poses(poses, -origins, there.frame, centre)
    columns = pose_columns(poses, shifts, 1.0)
    mine = maps.of_class(table, number)
    old = dict(zip((*ANGLES, *ORIGIN), (*np.rad2deg(angles), *origins.T)))
    changed = {name: np.where(mine, value, old[name]) for name, value in columns.items()}
    return tables.with_block("particles", table.with_columns(**changed))
