"""Volumes along latents and along the curve through all: their files, their rows of data_maps and data_series."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.io.star import Table, Tables
from spa.job.maps import with_maps
from spa.recipe.latents import LATENT
from spa.vary import paths

ALONG_PATH = 0  # the number of a series along the curve, as its component
REACH = (0.03, 0.97)  # quantiles of particles that a series goes from and to


@dataclass(frozen=True, eq=False)
class Series:
    """component: from 1, or ALONG_PATH; values (m,): of its latent, or places on the curve; points (m, q)."""

    component: int
    values: np.ndarray
    points: np.ndarray

    def file(self, frame: int) -> str:
        """The name of a frame, from 1."""
        stem = "path" if self.component == ALONG_PATH else f"series{self.component:02d}"
        return f"{stem}_{frame:03d}.mrc"


def along_axes(mean: np.ndarray, frames: int, axes: int | None = None) -> list[Series]:
    """Along each of the latents (n, q), or the first few axes of them."""
    out = []
    for k in range(axes or mean.shape[1]):
        points = paths.quantiles(mean, k, frames, REACH)
        out.append(Series(k + 1, points[:, k], points))
    return out


def along_path(way: np.ndarray, places: np.ndarray, frames: int) -> Series:
    """Along a curve (knots, q) on which particles have places (n,), 0 to 1."""
    low, high = np.quantile(places, REACH)
    values = np.linspace(low, high, frames)
    return Series(ALONG_PATH, values, paths.stations(way, values))


def with_series(tables: Tables, folder: Path, found: list[Series], draw: Callable[[Path, np.ndarray], None]) -> Tables:
    """The tables with all frames, drawn into a folder: draw is given each one's file and point (q,)."""
    names: list[str] = []
    for one in found:
        here = [folder / one.file(frame) for frame in range(1, len(one.points) + 1)]
        for path, point in zip(here, one.points):
            draw(path, point)
        names += map(str, here)
        tables = with_maps(tables, [("series", str(path)) for path in here], one.component)
    where = np.concatenate([one.points for one in found])
    return tables.with_block("series", Table.of(
        spaMapName=names, spaComponent=np.concatenate([np.full(len(one.values), one.component) for one in found]),
        spaLatentValue=np.round(np.concatenate([one.values for one in found]), 4),
        **{f"{LATENT}{k + 1}": np.round(column, 5) for k, column in enumerate(where.T)},
    ))  # fmt: skip
