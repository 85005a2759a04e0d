"""Which particles stay."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.io.star import Table, Tables
from spa.job import call
from spa.job.run import Run
from spa.model.expression import mask
from spa.recipe import latents
from spa.vary import clusters, embed, paths

FRAMES = 50  # points of a way
FEWEST = 20  # particles of a plane


@dataclass(frozen=True, eq=False)
class Choice:
    """The table, with clusters where they were made; kept (n,) bool; way (m, q): points to show, or none."""

    table: Table
    kept: np.ndarray
    way: np.ndarray | None

    def require(self) -> Table:
        """The table; DataError where nothing is kept."""
        if not self.kept.any():
            raise DataError(f"{self.table.where}: none of its {len(self.table)} particles is kept")
        return self.table


def choice(run: Run, tables: Tables, asked: dict[str, Any]) -> Choice:
    """By all that is asked for together."""
    if not any(asked[name] for name in ("where", "cluster", "clusters", "umap", "near", "path")):
        raise UsageError("nothing to choose by: give --where, --cluster, --clusters, --umap, --near or --path")
    if call.was_given("within") and not (asked["near"] or asked["path"]):
        raise UsageError("--within goes with --near or --path, and does nothing without it")
    if asked["certain"] is not None and not (asked["cluster"] or asked["clusters"]):
        raise UsageError("--certain: it belongs to --cluster or --clusters")
    table, optics = tables["particles"], tables.blocks.get("optics")
    mean = latents.means(table)
    q, kept, way = mean.shape[1], np.ones(len(table), bool), None
    if asked["clusters"]:
        table = _clustered(run, table, mean, asked["clusters"])
    if asked["umap"]:
        table = _embedded(table, mean, run.seed)
    if asked["cluster"]:
        kept &= np.isin(_column(table, "spaLatentCluster"), _wanted(asked["cluster"], table))
    if asked["certain"] is not None:
        kept &= table.floats("spaLatentClusterShare") >= asked["certain"]
    if asked["where"]:
        kept &= mask(asked["where"], table, optics)
    if asked["near"]:
        way = latents.point(asked["near"], q, "--near")[None]
        kept &= paths.distance(mean, way)[0] <= asked["within"]
    if asked["path"]:
        ends = np.stack([latents.point(one, q, "--path") for one in asked["path"]])
        way = paths.trajectory(mean, ends, FRAMES, run.rng("path"))
        kept &= paths.distance(mean, way)[0] <= asked["within"]
    return Choice(table, kept, way)


def _clustered(run: Run, table: Table, mean: np.ndarray, count: int) -> Table:
    if len(table) < 10 * count:
        raise DataError(f"{table.where}: {len(table)} particles are too few for --clusters {count}")
    found = clusters.mixture(mean, latents.spreads(table), count, run.rng("clusters"))
    share = np.round(found.posterior.max(axis=1), 6)
    return table.with_columns(spaLatentCluster=found.number + 1, spaLatentClusterShare=share)


def _embedded(table: Table, mean: np.ndarray, seed: int) -> Table:
    if mean.shape[1] < 2 or len(table) < FEWEST:
        raise DataError(f"{table.where}: {len(table)} particles of {mean.shape[1]} latents; --umap wants two latents, "
                        f"and {FEWEST} particles at least")  # fmt: skip
    return table.with_columns(**latents.umap_columns(embed.umap(mean, seed)))


def _column(table: Table, name: str) -> np.ndarray:
    if name not in table:
        raise DataError(f"{table.where}: no column {name}; make clusters with --clusters")
    return table.ints(name)


def _wanted(text: str, table: Table) -> list[int]:
    try:
        ends = [[int(end) for end in piece.split("-")] for piece in text.split(",")]
        wanted = [one for end in ends for one in range(end[0], end[-1] + 1)]
    except ValueError:
        raise UsageError(f"--cluster {text!r}: numbers and ranges are wanted, such as 1,3-4") from None
    there = set(_column(table, "spaLatentCluster").tolist())
    if lacking := sorted(set(wanted) - there):
        raise DataError(f"{table.where}: no cluster {lacking[0]} (it has {', '.join(map(str, sorted(there)))})")
    return wanted


def draw(path: str, found: Choice) -> None:
    """Densities of the latents and the planes that show all of them; what is kept, or the clusters."""
    from spa.plot.figure import save
    from spa.plot.latents import Plane, density

    table, mean = found.table, latents.means(found.table)
    planes = []
    if mean.shape[1] > 2:
        place, share = embed.principal(mean)
        planes.append(Plane(place, *(f"principal axis {k + 1} ({share[k]:.0%})" for k in (0, 1))))
    if latents.UMAP[0] in table:
        place = np.stack([table.floats(name) for name in latents.UMAP], axis=1)
        planes.append(Plane(place, "UMAP 1", "UMAP 2"))
    cluster = table.ints(latents.CLUSTER) - 1 if latents.CLUSTER in table else None
    names = [f"latent {k + 1}" for k in range(mean.shape[1])]
    save(density(mean, names, found.way, None if found.kept.all() else found.kept, cluster, planes), path)
