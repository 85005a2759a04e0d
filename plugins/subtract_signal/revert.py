"""The way back: original images, and the poses that there are now in the original frame."""

import numpy as np

from spa.errors import DataError
from spa.image.straight import bent_poses
from spa.io.star import Tables
from spa.job import maps, subtraction
from spa.job.particles import aberrations_by_row
from spa.job.run import Run
from spa.model.numbers import sensible
from spa.model.particles import particles_of
from spa.model.poses import matrices
from spa.subtract.window import moved
from spa_plugins.subtract_signal.results import coordinates


def reverted(run: Run, tables: Tables) -> tuple[Tables, str]:
    """The document before its subtraction, but for what later jobs found, and a summary.

    Poses that were refined since stay; where the images were recentred, their origins go back to the original box
    and coordinates with them. Maps of another box go. A table of RELION's has rlnImageOriginalName alone: its names
    go back, and nothing else is known.
    """
    table = tables["particles"]
    if subtraction.ORIGINAL not in table:
        raise DataError(f"{table.where} has no column {subtraction.ORIGINAL}: nothing was subtracted from its images")
    names = table.text(subtraction.ORIGINAL)
    told = subtraction.described(tables)
    if told is None:
        back = table.with_columns(rlnImageName=names).without(subtraction.ORIGINAL)
        return tables.with_block("particles", back), f"{len(table)} particles have their original images"
    columns = {"rlnImageName": names}
    finer = told.pixel_size / _pixel_size(tables)
    framed = told.centre != (0, 0, 0) or told.box != told.image_size or abs(finer - 1) > 1e-6
    offsets = np.stack([table.floats(name) for name in subtraction.WINDOW], axis=1)
    if np.any(offsets) or told.centre != (0, 0, 0):
        found = particles_of(tables, ctf=False)
        shifts = -found.origin / told.pixel_size + offsets
        poses = bent_poses(matrices(*found.euler.T), *aberrations_by_row(tables))
        shifts = moved(poses, shifts, -np.array(told.centre))
        columns |= dict(zip(("rlnOriginXAngst", "rlnOriginYAngst"), -shifts.T * told.pixel_size))
        columns |= coordinates(run, tables, -offsets * told.pixel_size)
    sizes = tables["optics"].floats("rlnImagePixelSize") * finer
    optics = tables["optics"].with_columns(rlnImagePixelSize=sizes, rlnImageSize=told.image_size)
    back = table.with_columns(**columns).without(*subtraction.COLUMNS)
    tables = tables.with_block("particles", back).with_block("optics", optics).without_block(subtraction.BLOCK)
    return tables.without_block(maps.BLOCK) if framed else tables, f"{len(back)} particles have their original images"


def _pixel_size(tables: Tables) -> float:
    """Of the images as they are now."""
    optics = tables["optics"]
    used = optics.ints("rlnOpticsGroup") == tables["particles"].ints("rlnOpticsGroup")[0]
    if not used.any():
        raise DataError(f"{tables['particles'].where} row 1: its optics group is not in {optics.where}")
    return float(sensible(optics, "rlnImagePixelSize")[used][0])
