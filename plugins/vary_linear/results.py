"""States while it runs; latents, volumes, tables and words at the end."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.abinit.compact import rescaled
from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job.maps import BLOCK, with_maps
from spa.job.run import Run
from spa.recipe.kept import curve_table
from spa.recipe.latents import cluster_columns, columns, path_columns, renewed
from spa.recipe.posed import Given
from spa.recipe.series import Series, along_axes, along_path, with_series
from spa.refine.problem import Workers
from spa.vary import clusters, paths
from spa.vary.components import Problem, State
from spa.vary.joint import Joint, joint
from spa.vary.null import Null, null
from spa.volume.fsc import crossing
from spa.volume.slices import regridded
from spa_plugins.vary_linear.inputs import Asked


def line(state: State) -> str:
    """One iteration in words."""
    return f"iteration {state.iteration}: components moved {100 * state.moved[-1]:.1f} %"


@dataclass(frozen=True, eq=False)
class Found:
    """What the job tells; images and maps of the compact box."""

    given: Given
    problem: Problem
    state: State
    joint: Joint
    null: Null
    groups: clusters.Clusters | None
    curve: np.ndarray  # through all latents (knots, q)
    place: tuple[np.ndarray, np.ndarray]  # (n,) of particles on it, and its error

    def volume(self, point: np.ndarray) -> np.ndarray:
        """(n, n, n) at a point (q,) of the latents."""
        return self.joint.maps[0] + np.tensordot(point.astype(np.float32), self.joint.maps[1:], 1)

    @property
    def asked(self) -> Asked:
        assert isinstance(self.given.asked, Asked)
        return self.given.asked

    @property
    def resolution(self) -> np.ndarray:
        """(q + 1,) of the mean and components, FSC 0.143 of halves, angstroms."""
        images = self.given.posed.images
        shells = [min(crossing(curve, 0.143), images.band.radius) for curve in self.joint.curves]
        return np.array([images.resolution_of(shell) for shell in shells])


def found(run: Run, given: Given, problem: Problem, state: State, workers: Workers) -> Found:
    """Everything that is computed after the last iteration."""
    asked = given.asked
    worth = null(problem, state, problem.settings.start, workers, asked.shuffles)
    both = joint(problem, state, workers)
    groups = None
    if asked.clusters:
        rng = run.rng("clusters")
        latent = both.latent
        groups = (clusters.mixture(latent.mean, latent.spread, asked.clusters, rng)
                  if asked.clustering == "mixture" else clusters.kmeans(latent.mean, asked.clusters, rng))  # fmt: skip
    way = paths.curve(both.latent.mean, both.latent.spread, run.rng("path"))
    place = paths.along(way, *clusters.likelihoods(both.latent.mean, both.latent.spread))
    return Found(given, problem, state, both, worth, groups, way, place)


def particles(found: Found) -> Table:
    """The particles' table with latents, their errors and covariances, grey scale, cluster."""
    given, latent = found.given, found.joint.latent
    return renewed(
        given.stack.table(given.rows),
        **columns(latent.mean, latent.spread, latent.scale, found.problem.views.images.half),
        **path_columns(*found.place),
        **cluster_columns(found.groups),
    )


def written(run: Run, found: Found) -> Tables:
    """Maps and curves into DIR; the table for the next job."""
    assert run.outdir is not None
    folder, both, box = run.outdir, found.joint, found.given.stack.box
    tables = found.given.stack.tables.without_block(BLOCK).with_block("particles", particles(found))
    solvent = found.problem.solvent
    masks = {"mask": solvent, "focus": found.problem.prior.region}
    for name, mask in masks.items():
        if name == "mask" or found.asked.focus_mask:
            mrc.write(folder / f"{name}.mrc", np.clip(regridded(mask, box), 0, 1), found.given.stack.pixel_size)
    rows = _maps(folder, "mean", found, 0) + [("mask", str(folder / "mask.mrc"))]
    tables = with_maps(tables, rows)
    for k in range(1, len(both.maps)):
        parts = [(role if role != "map" else "component", name)
                 for role, name in _maps(folder, f"component{k:02d}", found, k)]  # fmt: skip
        tables = with_maps(tables, [one for one in parts if one[0] == "component"], k)
    tables = tables.with_block("components", _components(found)).with_block("pieces", _pieces(found))
    return with_series(tables, folder, _series(found), lambda path, at: _write(path, found.volume(at), found))


def _maps(folder: Path, stem: str, found: Found, number: int) -> list[tuple[str, str]]:
    """The files of a map, its half maps and its FSC: (role, name)."""
    both = found.joint
    volumes = {"": both.maps[number], "_half1": both.halves[0, number], "_half2": both.halves[1, number]}
    for suffix, volume in volumes.items():
        _write(folder / f"{stem}{suffix}.mrc", volume, found)
    curve, stack = np.zeros(found.given.stack.box // 2 + 1), found.given.stack
    shells = min(len(curve), both.curves.shape[1])
    curve[:shells] = both.curves[number, :shells]
    star.write(Tables({"fsc": curve_table(curve, stack.box * stack.pixel_size)}), folder / f"{stem}_fsc.star")
    roles = ("map", ""), ("half1", "_half1"), ("half2", "_half2")
    return [*((role, str(folder / f"{stem}{suffix}.mrc")) for role, suffix in roles),
            ("fsc", str(folder / f"{stem}_fsc.star"))]  # fmt: skip


def _series(found: Found) -> list[Series]:
    """Along each component, and along the curve where it bends through several."""
    mean, frames = found.joint.latent.mean, found.asked.frames
    out = along_axes(mean, frames)
    return out if mean.shape[1] == 1 else [*out, along_path(found.curve, found.place[0], frames)]


def _write(path: Path, volume: np.ndarray, found: Found) -> None:
    stack = found.given.stack
    mrc.write(path, rescaled(np.asarray(volume, np.float32), stack.box), stack.pixel_size)


def _components(found: Found) -> Table:
    both, worth = found.joint, found.null
    count = len(both.share)
    return Table.of(
        spaComponent=np.arange(1, count + 1), spaVarianceShare=np.round(both.share, 6),
        rlnEstimatedResolution=np.round(found.resolution[1:], 4), spaLatentGain=np.round(worth.gain, 4),
        spaLatentGainError=np.round(worth.error, 4), spaLatentGainChance=np.full(count, round(worth.chance, 4)),
        spaSignificant=(np.arange(count) < worth.significant).astype(int),
    )  # fmt: skip


def _pieces(found: Found) -> Table:
    """Where each piece of the map is, angstroms from the box centre, and how much more it varies than noise does."""
    width = found.given.stack.box * found.given.stack.pixel_size
    z, y, x, excess = found.null.pieces.T
    x, y, z = (np.round(axis * width, 1) for axis in (x, y, z))
    return Table.of(spaPieceX=x, spaPieceY=y, spaPieceZ=z, spaPieceExcess=np.round(excess, 3))


def draw(path: Path, found: Found) -> None:
    """Latents, components, and what the null test says."""
    from spa.plot.figure import save
    from spa.plot.latents import overview

    both, images = found.joint, found.given.posed.images
    number = None if found.groups is None else found.groups.number
    save(overview(both.latent.mean, both.maps, images.pixel_size, both.share, found.null.gain, found.null.error,
                  found.null.chance, number, found.curve), path)  # fmt: skip


def doubt(found: Found) -> str:
    """What speaks against what varies, or for what components do not show, or nothing."""
    worth, width = found.null, found.given.stack.box * found.given.stack.pixel_size
    if worth.varies:
        return ""
    if worth.loudest is not None:
        z, y, x, excess = worth.loudest * (width, width, width, 1)
        advice = "" if found.asked.method == "pieces" else ": --method pieces looks there alone"
        return (
            f"components explain nothing of particles that they were not made of, but the piece of the map at "
            f"({x:.0f}, {y:.0f}, {z:.0f}) A from the centre varies {excess:.1f} standard deviations more than noise "
            f"does{advice}"
        )
    return (
        "nothing varies: components made from one half of the particles explain the other half no better than the "
        f"mean does ({worth.gain[-1]:+.3f} log units a particle, {worth.chance:+.3f} by chance), and no piece of the "
        "map comes and goes; latents and frames show noise, or a kind too rare to tell"
    )


def summary(found: Found) -> str:
    share = ", ".join(f"{100 * one:.0f} %" for one in found.joint.share)
    worth, number = found.null, len(found.joint.share)
    return (
        f"{number} component{'s'[: number > 1]} ({share} of what they vary) of {len(found.given.rows)} particles, "
        f"{worth.significant} of them certain; they gain {worth.gain[-1]:+.2f} log units a particle of the other half "
        f"({worth.chance:+.2f} by chance)"
    )
