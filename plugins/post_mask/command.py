"""The command: a map in, a mask out."""

from typing import TYPE_CHECKING

import click

from spa.errors import DataError, UsageError
from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from spa.io import mrc
    from spa.io.star import Tables

NARROW = 12.0  # angstroms: the least soft edge by default


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.plot
@options.one_map
@click.option("--threshold", type=float, show_default="found from the map", help="Density level.")
@click.option("--mass", type=click.FloatRange(min=1), help="Of the particle, kDa: the level that holds its volume.")
@click.option(
    "--lowpass",
    default=15.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Low-pass the map to this resolution first, angstroms; 0: as it is.",
)
@click.option(
    "--extend",
    default=6.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Grow the inside by this much, angstroms.",
)
@click.option(
    "--soft-edge",
    type=click.FloatRange(min=0),
    show_default="12, or twice the FSC's resolution",
    help="Width of the cosine edge around that, angstroms.",
)
@job("post mask")
def mask(run: Run, star: str, output: str, plot: str | None, map_file: str | None, number: int | None,
         threshold: float | None, mass: float | None, lowpass: float, extend: float,
         soft_edge: float | None) -> None:  # fmt: skip
    """Make a soft mask from a map.

    The map (or the mean of the two half maps, where the stream has no map) is low-passed and cut at the threshold; an
    automatic threshold lies a fifth of the way from solvent to peak, or four standard deviations above the solvent's
    noise, and drops specks; with --mass it is the level that holds 1.21 cubic angstroms a dalton.  A coarse map needs a
    wide edge, or the mask itself correlates: where the stream has an FSC, the edge is twice its resolution.  Where what
    stands out is no more than noise, that is said.  DIR gets mask.mrc, which joins data_maps with role mask.
    """
    from spa.io import mrc
    from spa.io.star import Tables
    from spa.job import maps
    from spa.volume.masks import level_of_mass, soft_mask, stands_out

    if mass and threshold is not None:
        raise UsageError("--mass and --threshold: give one of them")
    tables = maps.stream(run, star, enough=bool(map_file))
    volume = maps.read_mean(run, tables, map_file, number)
    edge = _edge(run, tables, volume, number) if soft_edge is None else soft_edge
    try:
        level_ = threshold if mass is None else level_of_mass(volume.data, volume.pixel_size, mass, lowpass or None)
        made, level = soft_mask(volume.data, volume.pixel_size, level_, lowpass or None, extend, edge)
    except DataError as error:
        raise DataError(f"{volume.path}: {error}") from None
    if level_ is None and not stands_out(volume.data, volume.pixel_size, lowpass or None):
        run.warn(f"nothing stands out of {volume.path}: noise has as much above such a threshold; it is no mask")
    elif tables is not None and not map_file:
        _doubt(run, tables, number)
    assert run.outdir is not None
    path = run.outdir / "mask.mrc"
    mrc.write(path, made, volume.pixel_size)
    if plot:
        from spa.plot import figure
        from spa.plot.maps import sections

        figure.save(sections(volume.data, volume.pixel_size, str(volume.path), made), plot)
    run.write(maps.with_maps(tables or Tables(), [("mask", str(path))], number or 1), output)
    run.summary(f"threshold {level:.4g}; {made.mean():.1%} of the box; edge {edge:.3g} A")


def _doubt(run: Run, tables: "Tables", number: int | None) -> None:
    """Says where the stream's half maps, if it has them, agree no better than noise does."""
    from spa.job import maps
    from spa.recipe import masks

    if maps.find(tables, "half1", None, number) and maps.find(tables, "half2", None, number):
        try:
            masks.agreeing_halves(run, tables, None, None, number)
        except DataError as error:
            run.warn(str(error))


def _edge(run: Run, tables: "Tables | None", volume: "mrc.Image", number: int | None) -> float:
    """Twice the resolution of the stream's FSC, where it has one of this box, and no less than 12 A."""
    from spa.job import maps
    from spa.volume.fsc import resolution_at

    name, box = maps.find(tables, "fsc", None, number), len(volume.data)
    if name is None:
        return NARROW
    curve, _ = maps.fsc_curve(run, name)
    if len(curve) != box // 2 + 1:
        return NARROW
    return max(NARROW, min(2 * resolution_at(curve, 0.143, box, volume.pixel_size), 0.2 * box * volume.pixel_size))
