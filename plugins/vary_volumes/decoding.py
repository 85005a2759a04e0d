"""Volumes of the model that `vary neural` learned, at points of the table's latents; no image is looked at."""

from typing import Any

import numpy as np

from spa.abinit.compact import rescaled
from spa.errors import DataError
from spa.io import arrays, mrc
from spa.io.star import Table, Tables
from spa.job.maps import BLOCK, with_maps
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.recipe import latents
from spa.vary.decoder import of_arrays
from spa_plugins.vary_volumes.points import points


def decoded(run: Run, tables: Tables, settings: dict[str, Any]) -> Tables:
    """Volumes into DIR; the table for the next job."""
    assert run.outdir is not None
    model = of_arrays(arrays.read(settings["model"]), settings["model"])
    table = tables["particles"]
    if latents.count_of(table) != model.latents:
        raise DataError(f"{settings['model']}: it has {model.latents} latents, {table.where} has "
                        f"{latents.count_of(table)}")  # fmt: skip
    chosen = points(run, table, latents.means(table), settings)
    stack = open_particles(run, tables)
    width = stack.box * stack.pixel_size
    if abs(len(model.maps[0]) * model.pixel_size / width - 1) > 1e-3:
        raise DataError(f"{settings['model']}: its box is {len(model.maps[0]) * model.pixel_size:g} A wide, that of "
                        f"{table.where} {width:g} A")  # fmt: skip
    tables, names = tables.without_block(BLOCK), []
    for number, point in enumerate(chosen, 1):
        path = run.outdir / f"volume{number:03d}.mrc"
        mrc.write(path, rescaled(model.volume(point), stack.box), stack.pixel_size)
        tables = with_maps(tables, [("map", str(path))], number)
        names.append(str(path))
    where = {f"spaLatent{k + 1}": np.round(column, 5) for k, column in enumerate(chosen.T)}
    run.summary(f"{len(chosen)} volumes decoded from {settings['model']}")
    return tables.with_block("points", Table.of(rlnReferenceImage=names, **where))
