"""From options to points of latent space."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.io.star import Table, Tables
from spa.job.run import Run
from spa.recipe import latents, varying
from spa.recipe.posed import Given
from spa.recipe.series import along_path
from spa.vary import paths
from spa.vary.clusters import likelihoods

FLOATS = 16  # at a point of the oversampled grid: both halves' sums and their copies


@dataclass(frozen=True, eq=False)
class Latents:
    """mean (n, q), spread (n, q, q), and grey scale (n,) of the rows that could be read."""

    mean: np.ndarray
    spread: np.ndarray
    scale: np.ndarray


def read(run: Run, tables: Tables, settings: dict[str, Any]) -> tuple[Given, Latents, np.ndarray]:
    """Images with poses, their latents, and points (m, q)."""
    table = tables["particles"]
    mean = latents.means(table)
    chosen = points(run, table, mean, settings)
    given = varying.read(run, tables, varying.Band.of(settings), FLOATS)
    own = given.stack.table(given.rows)
    scale = own.floats(latents.SCALE) if latents.SCALE in own else np.ones(len(own))
    return given, Latents(latents.means(own), latents.spreads(own), scale), chosen


def points(run: Run, table: Table, mean: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
    """(m, q) in the order --at, --centres, --axis, --path, --main-path."""
    q, frames = mean.shape[1], settings["frames"]
    if not (settings["at"] or settings["centres"] or settings["axis"] or settings["path"] or settings["main_path"]):
        raise UsageError("no point to go to: give --at, --centres, --axis, --path or --main-path")
    if settings["axis"] and settings["axis"] > q:
        raise UsageError(f"--axis {settings['axis']}: {table.where} has {q} latents")
    out = [latents.point(one, q, "--at") for one in settings["at"]]
    if settings["centres"]:
        if "spaLatentCluster" not in table:
            raise DataError(f"{table.where}: no column spaLatentCluster (spa vary linear --clusters)")
        cluster = table.ints("spaLatentCluster")
        out += [np.median(mean[cluster == number], axis=0) for number in np.unique(cluster)]
    if settings["axis"]:
        out += list(paths.quantiles(mean, settings["axis"] - 1, frames))
    if settings["path"]:
        ends = np.stack([latents.point(one, q, "--path") for one in settings["path"]])
        out += list(paths.trajectory(mean, ends, frames, run.rng("path")))
    if settings["main_path"]:
        spread = latents.spreads(table)
        way = paths.curve(mean, spread, run.rng("path"))
        place, _ = paths.along(way, *likelihoods(mean, spread))
        out += list(along_path(way, place, frames).points)
    return np.stack(out)
