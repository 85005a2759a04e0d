"""Latents, volumes, the model, tables and words at the end."""

from pathlib import Path

import numpy as np

from spa.abinit.compact import rescaled
from spa.io import arrays, mrc
from spa.io.star import Table, Tables
from spa.job.maps import BLOCK, with_maps
from spa.job.particles import pose_columns
from spa.job.run import Run
from spa.recipe.latents import cluster_columns, columns, path_columns, renewed
from spa.recipe.series import Series, along_axes, along_path, with_series
from spa.vary import clusters, paths
from spa.volume.slices import regridded
from spa_plugins.vary_neural.course import Found

MODEL = "model.npz"


def particles(found: Found) -> Table:
    """The particles' table with latents, their errors and covariances, grey scale, place on the curve, cluster."""
    given, latent, turned = found.given, found.reading.found, found.turned
    pixel_size = given.posed.images.pixel_size
    found_poses = {} if turned is None else pose_columns(turned.poses, turned.shifts, pixel_size)
    return renewed(
        given.stack.table(given.rows),
        **found_poses,
        **columns(latent.mean, latent.spread, found.start.material.scale, found.start.problem.views.images.half),
        **path_columns(*paths.along(found.curve, *clusters.likelihoods(latent.mean, latent.spread))),
        **cluster_columns(found.groups),
    )


def written(run: Run, found: Found) -> Tables:
    """Maps and the model into DIR; the table for the next job."""
    assert run.outdir is not None
    folder, stack, decoder = run.outdir, found.given.stack, found.reading.decoder
    tables = stack.tables.without_block(BLOCK).with_block("particles", particles(found))
    arrays.write(folder / MODEL, decoder.arrays())
    mask = np.clip(regridded(found.start.problem.solvent, stack.box), 0, 1)
    mrc.write(folder / "mask.mrc", mask, stack.pixel_size)
    latent = found.reading.found.mean
    mean = np.tensordot(decoder.parts(latent).mean(axis=0), decoder.maps, 1)
    _write(folder / "mean.mrc", mean, found)
    tables = with_maps(tables, [("map", str(folder / "mean.mrc")), ("mask", str(folder / "mask.mrc"))])
    chosen = np.zeros(0, int) if found.groups is None else found.groups.number
    for number in np.unique(chosen):
        name = folder / f"cluster{number + 1:02d}.mrc"
        _write(name, decoder.volume(np.median(latent[chosen == number], axis=0)), found)
        tables = with_maps(tables, [("cluster", str(name))], int(number) + 1)
    return with_series(tables.with_block("components", _axes(found)), folder, _series(found),
                       lambda path, at: _write(path, decoder.volume(at), found))  # fmt: skip


def _series(found: Found) -> list[Series]:
    """Along each latent, and along the curve where it bends through several."""
    latent, frames = found.reading.found, found.asked.frames
    out = along_axes(latent.mean, frames)
    place, _ = paths.along(found.curve, *clusters.likelihoods(latent.mean, latent.spread))
    return out if len(out) == 1 else [*out, along_path(found.curve, place, frames)]


def _write(path: Path, volume: np.ndarray, found: Found) -> None:
    stack = found.given.stack
    mrc.write(path, rescaled(np.asarray(volume, np.float32), stack.box), stack.pixel_size)


def shares(found: Found) -> np.ndarray:
    """(q,) of what volumes vary: the power of the differences along each latent, the others at their medians."""
    decoder, latent = found.reading.decoder, found.reading.found.mean
    gram = np.einsum("aijk,bijk->ab", decoder.maps, decoder.maps, optimize=True).astype(np.float64)
    power = []
    for axis in range(latent.shape[1]):
        points = np.repeat(np.median(latent, axis=0)[None], len(latent), axis=0)
        points[:, axis] = latent[:, axis]
        away = decoder.parts(points)
        away = away - away.mean(axis=0)
        power.append(float(np.einsum("na,ab,nb->", away, gram, away, optimize=True)))
    return np.array(power) / max(sum(power), 1e-30)


def _axes(found: Found) -> Table:
    """One row a latent; the gain is that of all of them."""
    worth, q = found.reading.worth, found.asked.latent
    names = {"spaLatentGain": worth.gain, "spaLatentGainError": worth.error, "spaLatentGainChance": worth.chance}
    return Table.of(spaComponent=np.arange(1, q + 1), spaVarianceShare=np.round(shares(found), 6),
                    **{name: np.full(q, round(value, 4)) for name, value in names.items()},
                    spaSignificant=np.full(q, int(worth.varies)))  # fmt: skip


def draw(path: Path, found: Found) -> None:
    """Latents, what changes along each, and what the held particles say."""
    from spa.plot.figure import save
    from spa.plot.latents import overview

    decoder, latent, worth = found.reading.decoder, found.reading.found.mean, found.reading.worth
    ends = [paths.quantiles(latent, axis, 2) for axis in range(latent.shape[1])]
    changes = [decoder.volume(high) - decoder.volume(low) for low, high in ends]
    maps = np.stack([decoder.volume(np.median(latent, axis=0)), *changes])
    number = None if found.groups is None else found.groups.number
    save(overview(latent, maps, decoder.pixel_size, shares(found), np.array([worth.gain]), np.array([worth.error]),
                  worth.chance, number, found.curve), path)  # fmt: skip


def doubt(found: Found) -> str:
    """What speaks against what varies, or nothing."""
    worth = found.reading.worth
    if worth.varies and not found.reading.trained:
        return ("the training explains particles that did not teach no better than its linear start does: latents and "
                "volumes are solved from that start; more --epochs may do better")  # fmt: skip
    if worth.varies:
        return ""
    return (
        "nothing varies: latents explain particles that they were not learned from no better than the mean does "
        f"({worth.gain:+.3f} log units a particle, {worth.chance:+.3f} by chance); latents and frames show noise, or a "
        "kind too rare to tell"
    )


def summary(found: Found) -> str:
    worth = found.reading.worth
    error = np.sqrt(np.diagonal(found.reading.found.spread, axis1=1, axis2=2)).mean(axis=0)
    return (
        f"{found.asked.latent} latents of {len(found.given.rows)} particles (mean errors "
        f"{', '.join(f'{one:.2f}' for one in error)}); they gain {worth.gain:+.2f} log units on a particle that did "
        f"not teach ({worth.chance:+.2f} by chance)"
    )
