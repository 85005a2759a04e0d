"""Files and tables of what is laid on the axes."""

import numpy as np

from spa.image.straight import bent_poses
from spa.io import mrc
from spa.io.star import Tables
from spa.job import maps
from spa.job.particles import aberrations_by_row, pose_columns
from spa.job.run import Run
from spa.model.numbers import sensible
from spa.model.poses import matrices
from spa.recipe.symmetry import Found
from spa.symmetry import place
from spa.symmetry.detect import Candidate

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
ORIGIN = ("rlnOriginXAngst", "rlnOriginYAngst")


def laid_maps(run: Run, tables: Tables, found: Found, number: int, average: bool) -> Tables:
    """The map, half maps and mask written into DIR on the axes, in the place of the old ones; an FSC stays."""
    assert run.outdir is not None and found.chosen is not None
    chosen, pixel = found.chosen, found.image.pixel_size
    group = chosen.group.operators if average else None
    volumes = {"map": place.laid(found.image.data, chosen.frame, chosen.centre, group)}
    for role in ("half1", "half2", "mask"):
        name = maps.find(tables, role, None, number)
        if name:
            image = maps.read_like(run, name, found.image, contrast=role != "mask")
            volumes[role] = place.laid(image.data, chosen.frame, chosen.centre)
    if "mask" in volumes:
        volumes["mask"] = np.clip(volumes["mask"], 0, 1)
    for role, volume in volumes.items():
        mrc.write(run.outdir / f"{role}.mrc", volume, pixel)
    return maps.with_maps(tables, [(role, str(run.outdir / f"{role}.mrc")) for role in volumes], number)


def laid_particles(tables: Tables, chosen: Candidate, pixel_size: float, number: int | None) -> Tables:
    """New angles and origins of the particles (of a class, where one is named); tables without poses stay."""
    if "particles" not in tables or not all(name in tables["particles"] for name in ANGLES):
        return tables
    table = tables["particles"]
    angles = np.deg2rad([sensible(table, name) for name in ANGLES])
    origins = np.stack([sensible(table, name) if name in table else np.zeros(len(table)) for name in ORIGIN], axis=1)
    centre, poses = chosen.centre * pixel_size, matrices(*angles)
    seen = bent_poses(poses, *aberrations_by_row(tables))
    shifts = place.laid_poses(seen, -origins, chosen.frame, centre)[1]
    poses, _ = place.laid_poses(poses, -origins, chosen.frame, centre)
    columns = pose_columns(poses, shifts, 1.0)
    mine = np.ones(len(table), bool) if number is None else table.ints("rlnClassNumber") == number
    old = dict(zip((*ANGLES, *ORIGIN), (*np.rad2deg(angles), *origins.T)))
    changed = {name: np.where(mine, value, old[name]) for name, value in columns.items()}
    return tables.with_block("particles", table.with_columns(**changed))
