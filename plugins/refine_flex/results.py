"""Epochs in words; maps, motions, tables and words at the end."""

from pathlib import Path

import numpy as np

from spa.abinit.compact import rescaled
from spa.flex.project import moved
from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job.maps import BLOCK, with_maps
from spa.job.run import Run
from spa.recipe.kept import curve_table
from spa.recipe.latents import columns, path_columns, renewed
from spa.recipe.series import Series, along_axes, along_path, with_series
from spa.volume.fsc import crossing
from spa.volume.slices import regridded
from spa_plugins.refine_flex.found import Found, found, place
from spa_plugins.refine_flex.training import State


def line(state: State) -> str:
    """One epoch in words."""
    return (
        f"epoch {state.iteration}: log likelihood of a particle {-state.misfit.mean():.2f}, "
        f"its motion costs {state.bend.mean():.2f}"
    )


def particles(found: Found) -> Table:
    """The particles' table with coordinates, their errors and covariances, grey scale, and place on the curve."""
    given, shared = found.given, found.common
    return renewed(
        given.stack.table(given.rows),
        **columns(shared.mean, shared.spread, found.scale, found.problem.views.images.half),
        **path_columns(*place(found)),
    )  # fmt: skip


def written(run: Run, found: Found) -> Tables:
    """Maps and curves into DIR; the table for the next job."""
    assert run.outdir is not None
    folder, stack = run.outdir, found.given.stack
    first, second = (found.problem.scenes[2].body.volume(one) for one in found.halves)
    volumes = {"map": found.volume(found.halves.mean(axis=0)), "half1": first, "half2": second}
    rows = []
    for role, volume in volumes.items():
        _write(folder / f"{role}.mrc", rescaled(volume.astype(np.float32), stack.box), found)
        rows.append((role, str(folder / f"{role}.mrc")))
    _write(folder / "rigid.mrc", rescaled(found.problem.consensus, stack.box), found)
    _write(folder / "mask.mrc", np.clip(regridded(found.problem.mask, stack.box), 0, 1), found)
    for name, values in (("motion", found.motion.size), ("motion_error", found.motion.error)):
        _write(folder / f"{name}.mrc", _field(found, values), found)
    whole = _full(found, found.curve)
    star.write(Tables({"fsc": curve_table(whole, _width(found))}), folder / "fsc.star")
    star.write(Tables({"fsc": curve_table(_full(found, found.rigid), _width(found))}), folder / "rigid_fsc.star")
    rows += [("mask", str(folder / "mask.mrc")), ("fsc", str(folder / "fsc.star"))]
    tables = stack.tables.without_block(BLOCK).with_block("particles", particles(found))
    tables = with_maps(tables, rows).with_block("components", _components(found))
    return with_series(tables, folder, _series(found), lambda path, at: _write(path, _moved(found, at), found))


def _write(path: Path, volume: np.ndarray, found: Found) -> None:
    mrc.write(path, np.asarray(volume, np.float32), found.given.stack.pixel_size)


def _width(found: Found) -> float:
    return found.given.stack.box * found.given.stack.pixel_size


def _full(found: Found, curve: np.ndarray) -> np.ndarray:
    """A curve on the shells of the particles' box."""
    out = np.zeros(found.given.stack.box // 2 + 1)
    out[: min(len(out), len(curve))] = curve[: len(out)]
    return out


def _field(found: Found, values: np.ndarray) -> np.ndarray:
    """(n, n, n) of the particles' box: values of vertices (shares of the box) in the mesh, angstroms."""
    body = found.problem.scenes[2].body
    inside = (values[body.corners] * body.shares).sum(axis=1) * _width(found)
    return np.asarray(regridded(body.volume(inside.astype(np.float32)), found.given.stack.box), np.float32)


def _series(found: Found) -> list[Series]:
    """Along each coordinate, and along the curve where it bends through several."""
    mean, frames = found.common.mean, found.given.asked.frames
    out = along_axes(mean, frames)
    return [*out, along_path(found.way, place(found)[0], frames)] if found.common.agreed.sum() > 1 else out


def _moved(found: Found, point: np.ndarray) -> np.ndarray:
    """(n, n, n) of the particles' box: the density in motion, at a point (q,) of the coordinates."""
    scene = found.problem.scenes[2]
    total = np.zeros((scene.body.box,) * 3, np.float32)
    for half, (values, flow) in enumerate(zip(found.halves, found.flows)):
        sharp = scene.body.values(found.volume(values))
        total += moved(scene.mesh, scene.body, sharp, flow(found.common.frame.of(half, point[None]))[0]) / 2
    return rescaled(total, found.given.stack.box)


def strokes(found: Found) -> np.ndarray:
    """(q,) how far the density moves along each coordinate by itself, root mean square, angstroms."""
    scene, frame = found.problem.scenes[2], found.common.frame
    weight = _mass(found)
    out = []
    for k, column in enumerate(found.common.mean.T):
        points = np.zeros((21, found.common.mean.shape[1]))
        points[:, k] = np.quantile(column, np.linspace(0.025, 0.975, 21))
        moves = found.flows[0](frame.of(0, points))
        moves = moves - moves.mean(axis=0)
        out.append(np.sqrt(((moves**2).sum(axis=2).mean(axis=0) * weight).sum()) * scene.body.box
                   * found.given.posed.images.pixel_size)  # fmt: skip
    return np.array(out)


def _mass(found: Found) -> np.ndarray:
    """(V,) share of the density at each vertex."""
    body = found.problem.scenes[2].body
    dense = np.maximum(body.values(found.volume(found.halves.mean(axis=0))), 0)
    mass = np.bincount(body.corners.ravel(), (body.shares * dense[:, None]).ravel(), minlength=len(found.motion.size))
    return mass / max(mass.sum(), 1e-30)


def sizes(found: Found) -> tuple[float, float, float]:
    """How far the density moves and how far halves disagree on it, root mean squares, and how far the hundredth of it
    goes that moves most, angstroms."""
    weight = _mass(found)
    both = found.motion.size, found.motion.error
    one, two = (float(np.sqrt((values**2 * weight).sum())) * _width(found) for values in both)
    order = np.argsort(found.motion.size)
    most = order[min(int(np.searchsorted(np.cumsum(weight[order]), 0.99)), len(order) - 1)]
    return one, two, float(found.motion.size[most]) * _width(found)


def _components(found: Found) -> Table:
    gain, error = found.gained()
    count = found.common.mean.shape[1]
    _, apart, _ = sizes(found)
    return Table.of(
        spaComponent=np.arange(1, count + 1), spaMotion=np.round(strokes(found), 3),
        spaMotionError=np.full(count, round(apart, 3)), spaLatentAgreement=np.round(found.common.agreement, 4),
        spaLatentGain=np.full(count, round(gain, 4)), spaLatentGainError=np.full(count, round(error, 4)),
        spaSignificant=np.full(count, int(found.moves)),
    )  # fmt: skip


def draw(path: Path, found: Found) -> None:
    """Coordinates, the density, how far it moves, and its resolution."""
    from spa.plot.figure import save
    from spa.plot.flex import overview

    box = found.given.stack.box
    maps = [rescaled(found.volume(found.halves.mean(axis=0)).astype(np.float32), box)]
    maps += [_field(found, values) for values in (found.motion.size, found.motion.error)]
    save(overview(found.common.mean, found.way, maps, _full(found, found.curve), _full(found, found.rigid),
                  found.given.stack.pixel_size), path)  # fmt: skip


def doubt(found: Found) -> str:
    """What speaks against a motion, or nothing."""
    if found.moves:
        return ""
    halves = " and ".join("{:.2f} +- {:.2f}".format(*found.gained(number)) for number in (0, 1))
    return (
        f"nothing moves: motions found by one half of the particles add {halves} log units to a particle of the other "
        "half; the coordinates mean nothing"
    )


def summary(found: Found) -> str:
    images = found.given.posed.images
    sharp, rigid = (images.resolution_of(min(crossing(curve, 0.143), images.band.radius))
                    for curve in (found.curve, found.rigid))  # fmt: skip
    size, error, most = sizes(found)
    gain, doubt_ = found.gained()
    agreed, agree = found.common.agreed, ", ".join(f"{one:.2f}" for one in found.common.agreement)
    return (
        f"{sharp:.2f} A with motions, {rigid:.2f} A without (FSC 0.143 of the half maps in the mask, not corrected for "
        f"it); the density moves {size:.1f} A (root mean square; {most:.1f} A where it moves most), known to "
        f"{error:.1f} A; halves agree in {agreed.sum()} of {len(agreed)} coordinates (they correlate by {agree}); "
        f"motions add {gain:.2f} +- {doubt_:.2f} log units to a particle of the other half"
    )


__all__ = ["doubt", "draw", "found", "line", "summary", "written"]
