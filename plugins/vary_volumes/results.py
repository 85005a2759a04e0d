"""A reconstruction at each point, and the files and tables that tell of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.abinit.compact import rescaled
from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job.maps import BLOCK, with_maps
from spa.job.run import Run
from spa.recipe.kept import curve_table
from spa.recipe.posed import Given
from spa.recipe.varying import prepared
from spa.refine.problem import Workers
from spa.vary import kernel
from spa.volume.fsc import crossing
from spa.volume.slices import regridded
from spa_plugins.vary_volumes.points import Latents


@dataclass(frozen=True, eq=False)
class Found:
    """points (m, q); volumes and mask of the compact box; near (m,): particles within one of their error bars."""

    given: Given
    latents: Latents
    points: np.ndarray
    volumes: list[kernel.Volume]
    mask: np.ndarray
    near: np.ndarray

    @property
    def resolution(self) -> np.ndarray:
        images = self.given.posed.images
        shells = [min(crossing(one.curve, 0.143), images.band.radius) for one in self.volumes]
        return np.array([images.resolution_of(shell) for shell in shells])


def made(run: Run, given: Given, latents: Latents, points: np.ndarray, workers: Workers) -> Found:
    """Volumes at points (m, q), one after another."""
    ready = prepared(run, given, False, workers)
    known = kernel.Known(ready.views, latents.scale, latents.mean, np.linalg.inv(latents.spread))
    volumes = [kernel.volume(known, one, ready.solvent, workers) for one in run.progress(points, len(points), "volume")]
    reach = np.sqrt(points.shape[1])
    near = np.array([int((kernel.distances(known, one) < reach).sum()) for one in points])
    return Found(given, latents, points, volumes, ready.solvent, near)


def written(run: Run, found: Found) -> Tables:
    """Maps and curves into DIR; the table for the next job."""
    assert run.outdir is not None
    stack = found.given.stack
    tables = stack.tables.without_block(BLOCK).with_block("particles", stack.table(found.given.rows))
    mask = run.outdir / "mask.mrc"
    mrc.write(mask, np.clip(regridded(found.mask, stack.box), 0, 1), stack.pixel_size)
    names = []
    for number, one in enumerate(found.volumes, 1):
        stem, rows = run.outdir / f"volume{number:03d}", []
        maps = ("map", "", one.joint), ("half1", "_half1", one.halves[0]), ("half2", "_half2", one.halves[1])
        for role, suffix, volume in maps:
            path = Path(f"{stem}{suffix}.mrc")
            mrc.write(path, rescaled(np.asarray(volume, np.float32), stack.box), stack.pixel_size)
            rows.append((role, str(path)))
        curve = np.zeros(stack.box // 2 + 1)
        shells = min(len(curve), len(one.curve))
        curve[:shells] = one.curve[:shells]
        star.write(Tables({"fsc": curve_table(curve, stack.box * stack.pixel_size)}), Path(f"{stem}_fsc.star"))
        tables = with_maps(tables, [*rows, ("mask", str(mask)), ("fsc", f"{stem}_fsc.star")], number)
        names.append(rows[0][1])
    return tables.with_block("points", _table(found, names))


def _table(found: Found, names: list[str]) -> Table:
    columns = {f"spaLatent{k + 1}": np.round(column, 5) for k, column in enumerate(found.points.T)}
    sizes = np.array([[one.count[0], one.count[-1]] for one in found.volumes]).astype(int)
    return Table.of(
        rlnReferenceImage=names, **columns, spaNearParticles=found.near, spaCoarseParticles=sizes[:, 0],
        spaFineParticles=sizes[:, 1], rlnEstimatedResolution=np.round(found.resolution, 4),
    )  # fmt: skip


def draw(path: Path, found: Found) -> None:
    """Where the points lie among the particles."""
    from spa.plot.figure import save
    from spa.plot.latents import density

    names = [f"latent {k + 1}" for k in range(found.points.shape[1])]
    save(density(found.latents.mean, names, found.points), path)


def summary(found: Found) -> str:
    best, worst = found.resolution.min(), found.resolution.max()
    return (
        f"{len(found.volumes)} volumes of {len(found.given.rows)} particles at {best:.1f} to {worst:.1f} A, of "
        f"{found.near.min()} to {found.near.max()} particles within their error bars"
    )
