"""The command: half maps and poses in, what they are like in each direction out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spa.errors import DataError, UsageError
from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.io.star import Tables
    from spa.volume.cones import Cones


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.plot
@options.half_maps
@options.mask
@options.map_symmetry
@click.option("--half-angle", default=20.0, show_default=True, type=click.FloatRange(5, 60),
              help="Of the cones, degrees.")
@job("post orientation")
def orientation(run: Run, star: str, output: str, plot: str | None, half1: str | None, half2: str | None,
                mask_file: str | None, number: int | None, symmetry: str | None, half_angle: float
                ) -> None:  # fmt: skip
    """Are the views and the resolution the same in all directions?

    Of half maps: the FSC in cones, the ratio of the worst cone's area to the best one's (cFAR; below 0.5 the map is
    anisotropic), and the sphericity of the surface where it falls below 0.143 (3DFSC).  Of particles with poses: parts
    of the sphere without views, by their directions, and how evenly slices fill Fourier space (SCF*; below 0.81 they do
    not).  What is missing is named; directions are rot and tilt, the angles of a view along them.  DIR gets
    orientation.star: data_orientation, data_directions (642 directions) and data_gaps.
    """
    from spa.io.star import Tables
    from spa.job import maps
    from spa.model.poses import sights
    from spa.volume.sampling import sampled
    from spa.volume.symmetry import operators
    from spa_plugins.post_orientation.report import Report

    if bool(half1) != bool(half2):
        raise UsageError("--half1 and --half2: name both or neither")
    assert run.outdir is not None
    tables = maps.stream(run, star, enough=bool(half1))
    group = operators(maps.symmetry(tables, symmetry, number))
    cones = _cones(run, tables, half1, half2, mask_file, number, half_angle)
    angles = _views(tables, number)
    if cones is None and angles is None:
        raise DataError(f"{tables.source if tables else star}: neither half maps nor particles with poses in it")
    views = None
    if angles is not None:
        views = sampled(sights(*angles), group, run.rng("views"))
    report = Report(cones, views, _width(tables, half1, number))
    run.write(report.tables(), run.outdir / "orientation.star")
    for line in report.warnings():
        run.warn(line)
    if plot:
        from spa.plot import figure
        from spa.plot.orientation import overview

        shown = None if angles is None else (*angles, group)
        curves = None if cones is None else cones.curves
        drawn = overview(report.points, curves, report.per_direction(), shown, report.title(), report.width)
        figure.save(drawn, plot)
    run.write((tables or Tables()).with_block("orientation", report.tables()["orientation"]), output)
    run.summary(report.title())


def _width(tables: Tables | None, half1: str | None, number: int | None) -> float:
    """The half maps' box, angstroms; 0 where there are none."""
    from spa.io import mrc
    from spa.job import maps

    name = maps.find(tables, "half1", half1, number)
    if name is None:
        return 0.0
    header = mrc.read_header(name)
    return header.shape[0] * header.pixel_size


def _cones(run: Run, tables: Tables | None, half1: str | None, half2: str | None, mask_file: str | None,
           number: int | None, half_angle: float) -> Cones | None:  # fmt: skip
    from spa.job import maps
    from spa.recipe import masks
    from spa.volume.cones import conical

    if maps.find(tables, "half1", half1, number) is None:
        return None
    first, second = masks.agreeing_halves(run, tables, half1, half2, number)
    name = maps.find(tables, "mask", mask_file, number)
    mask = masks.solvent(run, name, (first.data + second.data) / 2, first)
    return conical(first.data, second.data, mask, run.rng("phases"), half_angle)


def _views(tables: Tables | None, number: int | None) -> tuple[np.ndarray, np.ndarray] | None:
    """rot and tilt (radians) of the particles, of one class where one is named; None where there are none."""
    import numpy as np

    from spa.model.numbers import sensible

    names = ("rlnAngleRot", "rlnAngleTilt")
    if tables is None or "particles" not in tables or not all(name in tables["particles"] for name in names):
        return None
    table = tables["particles"]
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    if number is not None:
        classes = table.ints("rlnClassNumber") if "rlnClassNumber" in table else np.ones(len(table), int)
        table = table.take(classes == number)
    if not len(table):
        raise DataError(f"{table.where}: no particles of class {number}")
    rot, tilt = (np.deg2rad(sensible(table, name)) for name in names)
    return rot, tilt
