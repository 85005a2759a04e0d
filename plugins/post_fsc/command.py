"""The command: half maps in, curves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spa.errors import DataError, UsageError
from spa.job import call, options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.volume.fsc import Map
    from spa_plugins.post_fsc.report import Report


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.plot
@options.half_maps
@options.mask
@click.option("--pixel-size", type=options.PIXEL,
              help="The true pixel size, angstroms, where the headers' is off.")
@click.option("--diameter", type=click.FloatRange(min=0, min_open=True), show_default="0.85 of the box",
              help="Diameter of the spherical mask, angstroms.")
@click.option("--randomise-below", default=0.8, show_default=True, type=click.FloatRange(0, 1),
              help="Randomise phases from where the unmasked FSC falls below this.")
@click.option("--randomise-from", type=click.FloatRange(min=0, min_open=True),
              help="Randomise phases from this resolution, angstroms.")
@options.map_symmetry
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1, 1000),
              help="How many randomisations are averaged.")
@job("post fsc")
def fsc(run: Run, star: str, output: str, plot: str | None, half1: str | None, half2: str | None,
        mask_file: str | None, number: int | None, pixel_size: float | None, diameter: float | None,
        randomise_below: float, randomise_from: float | None, symmetry: str | None, repeats: int) -> None:  # fmt: skip
    """FSC of two half maps, corrected for the mask.

    Without a mask, with a spherical, a loose and a tight one (25 and 6 A around the particle, soft to 40 and 12 A), and
    with a given soft mask; the last also with random phases, whose correlation is what the mask itself makes, and
    corrected for it: (F_t - F_n) / (1 - F_n), with a band in which 95 of 100 such curves lie. The resolution is that of
    what the mask keeps: there the map's FSC with the truth is 0.5; under a wider mask solvent's noise makes it coarser.
    DIR gets fsc.star (RELION's names), fsc.xml (for the EMDB), and mask.mrc where the mask was found here.
    """
    from spa.io import mrc
    from spa.io.star import Tables
    from spa.job import maps, pool
    from spa.volume.agreement import agreement
    from spa.volume.fsc import independent_under
    from spa.volume.halfmaps import measured
    from spa.volume.symmetry import order
    from spa_plugins.post_fsc.report import Report

    if bool(half1) != bool(half2):
        raise UsageError("--half1 and --half2: name both or neither")
    call.excluded_by("randomise_from", "randomise_below")
    assert run.outdir is not None
    tables = maps.stream(run, star, enough=bool(half1))
    first, second = maps.read_halves(run, tables, half1, half2, number)
    mask_name = maps.find(tables, "mask", mask_file, number)
    mask = maps.solvent(maps.read_like(run, mask_name, first, contrast=False).data, mask_name) if mask_name else None
    pixel = pixel_size or first.pixel_size
    _require_sizes(diameter, randomise_from, pixel, len(first.data) * pixel)
    rngs = [run.rng("phases", one) for one in range(repeats)]
    with pool.mapping(run.threads) as mapped:
        curves, used = measured(first.data, second.data, pixel, mask, rngs, diameter, randomise_below, randomise_from,
                                mapped)  # fmt: skip
        others = _others(first.data, second.data, pixel, mapped)
        agreed = agreement(first.data, second.data, mapped)
    if mask_name is None:
        mask_name = str(run.outdir / "mask.mrc")
        mrc.write(mask_name, used, pixel)
        run.warn(f"no mask is named: an automatic one is used and kept in {mask_name}")
    report = Report(curves, len(used), pixel, str(first.path), str(second.path), mask_name, float(used.mean()),
                    independent_under(used, order(maps.symmetry(tables, symmetry, number))),
                    others, agreed)  # fmt: skip
    _written(run, report, plot)
    found = [("half1", str(first.path)), ("half2", str(second.path)), ("mask", mask_name),
             ("fsc", str(run.outdir / "fsc.star"))]  # fmt: skip
    run.write(maps.with_maps(tables or Tables(), found, number or 1), output)
    run.summary(report.line())


def _written(run: Run, report: Report, plot: str | None) -> None:
    """The curves as tables and as a figure, and what is to be said of them."""
    from spa.io.whole import whole
    from spa_plugins.post_fsc.report import emdb_xml, tables_of

    assert run.outdir is not None
    for line in report.warnings():
        run.warn(line)
    run.write(tables_of(report), run.outdir / "fsc.star")
    with whole(run.outdir / "fsc.xml") as part:
        part.write_text(emdb_xml(report))
    if plot:
        from spa.plot import figure
        from spa.plot.fsc import correlations

        named, title = report.named(), f"mask {report.mask}"
        figure.save(correlations(named, report.box, report.pixel_size, report.resolutions(), title, report.band), plot)


def _require_sizes(diameter: float | None, randomise_from: float | None, pixel_size: float, width: float) -> None:
    """UsageError for what maps of pixels and a width (angstroms) do not show."""
    if diameter and not 4 * pixel_size <= diameter <= width:
        raise UsageError(f"--diameter {diameter:g}: {4 * pixel_size:g} to {width:g} A, the box, makes sense")
    if randomise_from and randomise_from > width:
        raise UsageError(f"--randomise-from {randomise_from:g}: the box is {width:g} A wide")
    if randomise_from and randomise_from < 2 * pixel_size:
        raise UsageError(f"--randomise-from {randomise_from:g}: pixels of {pixel_size:g} A end at {2 * pixel_size:g} A")


def _others(half1: np.ndarray, half2: np.ndarray, pixel_size: float, mapped: Map) -> dict[str, np.ndarray]:
    """The curves under a loose and a tight mask; none where nothing stands out to draw them around."""
    from spa.volume.halfmaps import loose_and_tight

    try:
        return loose_and_tight(half1, half2, pixel_size, mapped)
    except DataError:
        return {}
