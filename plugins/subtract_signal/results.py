"""What a subtraction leaves: maps, stacks or a description of what is to go, and the table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.image.disc import coefficients, shell_mean
from spa.image.straight import bent_poses
from spa.io import mrc
from spa.io.stacks import image_name
from spa.io.star import Table, Tables
from spa.job import maps, subtraction
from spa.job.particles import pose_columns
from spa.job.run import Run
from spa.job.subtraction import Subtracted, Subtraction
from spa.model.positions import MICROGRAPH_PIXEL_SIZES, micrograph_pixel_sizes
from spa.subtract.views import planes, signal
from spa.subtract.window import map_window, moved
from spa_plugins.subtract_signal.inputs import Inputs
from spa_plugins.subtract_signal.scales import Scales, chunks, key, leave_out, views

SAMPLE = 400  # images that the figure is drawn from


@dataclass(frozen=True, eq=False)
class Made:
    """tables to print; source: the images as they are now."""

    tables: Tables
    source: Subtracted


def made(run: Run, given: Inputs, fitted: Scales, virtual: bool, float16: bool) -> Made:
    """Maps into DIR, and the stacks unless they are virtual; the document that says so."""
    stack = given.stack
    who = views(stack, given.half)
    at = moved(bent_poses(who.poses, who.group, who.aberrations), who.shifts, given.centre)
    offsets = np.rint(at) if given.recenter else np.zeros_like(at)
    files = _write_removed(run, given, fitted.removed)
    told = Subtraction(files, virtual, stack.box, stack.pixel_size, given.box, (*given.centre.tolist(),))
    assert not isinstance(stack.source, Subtracted)
    seen = signal(fitted.removed, stack.pixel_size, run.threads)
    source = Subtracted(stack.source, seen, who, fitted.scale, offsets, given.box, given.size)
    names, rows = stack.particles.names[fitted.rows], fitted.rows
    if not virtual:
        names, rows = _write_stacks(run, given, source, fitted.rows, float16)
    table = _particles(run, given, offsets, at, fitted.scale).take(rows).with_columns(rlnImageName=names)
    optics = stack.tables["optics"]
    sizes = optics.floats("rlnImagePixelSize") * given.box / given.size
    optics = optics.with_columns(rlnImagePixelSize=sizes, rlnImageSize=given.size)
    tables = stack.tables.with_block("optics", optics).with_block("particles", table)
    tables = tables.without_block(maps.BLOCK).with_block(subtraction.BLOCK, told.table())
    return Made(maps.with_maps(tables, _write_maps(run, given)), source)


def _write_removed(run: Run, given: Inputs, removed: list[np.ndarray]) -> tuple[str, ...]:
    assert run.outdir is not None
    files = [str(run.outdir / f"removed{number}.mrc") for number in range(1, len(given.raw) + 1)]
    for file, volume in zip(files, removed):
        mrc.write(file, volume, given.stack.pixel_size)
    return tuple(files)


def _write_maps(run: Run, given: Inputs) -> list[tuple[str, str]]:
    """What is kept, its half maps as they came, and the mask, in the new box: roles and files."""
    assert run.outdir is not None
    volumes = {"map": np.mean(given.left, axis=0), "mask": given.kept}
    if len(given.raw) == 2:
        volumes |= {"half1": given.raw[0], "half2": given.raw[1]}
    pixel_size, files = given.stack.pixel_size, []
    for role, volume in volumes.items():
        window = map_window(volume, given.centre, given.box, given.size, pixel_size)
        if role == "mask":  # a mask is no density: its values stay
            window = np.clip(window * np.float32(given.size / given.box), 0, 1)
        path = run.outdir / f"{role}.mrc"
        mrc.write(path, window, pixel_size * given.box / given.size)
        files.append((role, str(path)))
    return files


def _write_stacks(
    run: Run, given: Inputs, source: Subtracted, rows: np.ndarray, float16: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Write the stacks; names of the images, and the rows that are in them."""
    queue = chunks(rows, given.stack.box)
    number = {int(part[0]): count + 1 for count, part in enumerate(queue)}
    pixel_size = given.stack.pixel_size * given.box / given.size

    def work(part: np.ndarray) -> dict[str, Any]:
        assert run.outdir is not None
        path = run.outdir / f"subtracted{number[int(part[0])]:06d}.mrcs"
        good, _, errors = given.stack.usable(part)
        if len(good):
            kind = np.float16 if float16 else np.float32
            with mrc.StackWriter(path, len(good), given.size, pixel_size, kind) as writer:
                writer.write(source.read(good))
        return {"stack": str(path) if len(good) else "", "rows": good.tolist(),
                "errors": [str(error) for error in errors]}  # fmt: skip

    done = [result for _, result in run.each(queue, work, key, "stack")]
    leave_out(run, done)
    names = [image_name(index, one["stack"]) for one in done for index in range(len(one["rows"]))]
    if not names:
        raise DataError(f"{given.stack.tables['particles'].where}: none of its {len(rows)} images can be used")
    return np.array(names, object), np.array([row for one in done for row in one["rows"]], np.int64)


def _particles(run: Run, given: Inputs, offsets: np.ndarray, at: np.ndarray, scale: np.ndarray) -> Table:
    """All rows with what was done to them, their new origins and coordinates."""
    stack, table = given.stack, given.stack.tables["particles"]
    euler, origin = np.rad2deg(stack.particles.euler), stack.particles.origin
    done = {
        subtraction.ORIGINAL: stack.particles.names,
        **dict(zip(subtraction.POSE, euler.T)), **dict(zip(subtraction.ORIGIN, origin.T)),
        **dict(zip(subtraction.WINDOW, offsets.astype(int).T)), subtraction.SCALE: scale, subtraction.HALF: given.half,
    }  # fmt: skip
    if given.recenter:
        rest = pose_columns(np.tile(np.eye(3), (len(table), 1, 1)), at - offsets, stack.pixel_size)
        done |= {name: rest[name] for name in ("rlnOriginXAngst", "rlnOriginYAngst")}
        done |= coordinates(run, stack.tables, offsets * stack.pixel_size)
    return table.with_columns(**done)


def coordinates(run: Run, tables: Tables, moves: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of the coordinates after boxes moved by (n, 2) angstroms; nothing where the table has none."""
    table = tables["particles"]
    names = ("rlnCoordinateX", "rlnCoordinateY")
    if not all(name in table for name in names):
        return {}
    if not any(name in tables["optics"] for name in MICROGRAPH_PIXEL_SIZES):
        run.warn(f"{tables['optics'].where} has no pixel size of the micrographs: the coordinates stay as they are")
        return {}
    sizes = micrograph_pixel_sizes(table, tables["optics"])
    return {name: table.floats(name) + moves[:, axis] / sizes for axis, name in enumerate(names)}


def share(given: Inputs) -> float:
    """The share of the map's power that goes."""
    parts = [sum(float((one.astype(np.float64) ** 2).sum()) for one in some) for some in (given.removed, given.whole)]
    return parts[0] / max(parts[1], 1e-30)


def summary(given: Inputs, fitted: Scales, done: Made) -> str:
    scale = fitted.scale[fitted.rows]
    kind = "to be subtracted on reading" if done.tables[subtraction.BLOCK].ints("spaSubtractVirtual")[0] else "written"
    window = f"{given.size} px at {given.stack.pixel_size * given.box / given.size:g} A"
    return (
        f"{len(done.tables['particles'])} particles {kind}, {window}; {100 * share(given):.0f} % of the map's power "
        f"goes, scale {scale.mean():.3g} +- {scale.std().round(6):.2g}"
    )


def draw(path: Path, given: Inputs, fitted: Scales, done: Made) -> None:
    """What goes, what stays, and how the images correlate with each, before and after."""
    from spa.plot import subtraction as picture
    from spa.plot.figure import save

    rows = fitted.rows[:: max(1, len(fitted.rows) // SAMPLE)]
    who, band = done.source.who.take(rows), done.source.seen.band
    kept = signal(given.left, given.stack.pixel_size)
    curves = {}
    for when, found in (("before", done.source.originals.read(rows)), ("after", done.source.whole(rows))):
        x = coefficients(found, band)
        for name, seen in (("what goes", done.source.seen), ("what stays", kept)):
            model = planes(seen, who)
            cross, power, own = (shell_mean((a * b).sum(axis=1), band).sum(axis=0)
                                 for a, b in ((x, model), (x, x), (model, model)))  # fmt: skip
            curves[name, when] = cross / np.sqrt(np.maximum(power * own, 1e-30))
    figure = picture.overview(
        np.mean(fitted.removed, axis=0), np.mean(given.left, axis=0), given.kept, curves,
        fitted.scale[fitted.rows], given.stack.pixel_size,
    )  # fmt: skip
    save(figure, path)
