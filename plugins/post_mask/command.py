"""The command: a map, or atoms in it, and other masks in, a mask out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from spa_plugins.post_mask.outline import Outline


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.plot
@options.one_map
@click.option("--threshold", type=float, show_default="found from the map", help="Density level.")
@click.option("--model", type=options.INPUT_FILE,
              help="Atoms (PDB, mmCIF) fitted to the map: the mask is of what is within 3 A of them.")  # fmt: skip
@click.option("--chain", "chains", multiple=True, metavar="NAME", help="Of the model, this chain alone; repeatable.")
@click.option("--within", multiple=True, type=options.INPUT_FILE, help="Keep what is in this mask, too; repeatable.")
@click.option("--join", multiple=True, type=options.INPUT_FILE, help="Add what is in this mask; repeatable.")
@click.option("--without", multiple=True, type=options.INPUT_FILE, help="Take away what is in this one; repeatable.")
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
         soft_edge: float | None, within: tuple[str, ...], join: tuple[str, ...], without: tuple[str, ...],
         **settings: Any) -> None:  # fmt: skip
    """Make a soft mask from a map, or from atoms.

    The map (or the mean of the two half maps, where the stream has no map) is low-passed and cut at the threshold; an
    automatic threshold lies a fifth of the way from solvent to peak, or four standard deviations above the solvent's
    noise, and drops specks; with --mass it is the level that holds 1.21 cubic angstroms a dalton.  A coarse map needs a
    wide edge, or the mask itself correlates: where the stream has an FSC, the edge is twice its resolution.  Where what
    stands out is no more than noise, that is said.  DIR gets mask.mrc, which joins data_maps with role mask.

    With --model the map tells the box alone. Other masks cut and add in the order --within, --join, --without.

    \b
    Examples:
      spa post mask refined.star -d Mask | spa post fsc -d Fsc > fsc.star
      spa post mask refined.star -d Arm --model fitted.cif --chain C --chain D |
        spa refine local -d Local > arm.star
      spa post mask refined.star -d Rest --without Arm/mask.mrc > rest.star
    """
    from spa.io import mrc
    from spa.io.star import Tables
    from spa.job import maps
    from spa_plugins.post_mask import outline

    asked = outline.Asked.of(settings)
    tables = maps.stream(run, star, enough=bool(map_file))
    volume = maps.read_mean(run, tables, map_file, number)
    others = outline.Others(*(outline.masks(run, names, volume) for names in (within, join, without)))
    edge = outline.edge(run, tables, volume, number) if soft_edge is None else soft_edge
    made = outline.made(run, volume, edge, asked)
    if tables is not None and made.evident and not map_file and not asked.model:
        outline.doubt(run, tables, number)
    made = others.applied(made)
    outline.refuse_all(volume, made)
    assert run.outdir is not None
    path = run.outdir / "mask.mrc"
    mrc.write(path, made.mask, volume.pixel_size, origin=volume.origin)
    if plot:
        _draw(plot, made, volume)
    run.write(maps.with_maps(tables or Tables(), [("mask", str(path))], number or 1), output)
    run.summary(f"{made.words}; {made.mask.mean():.1%} of the box; edge {edge:.3g} A")


def _draw(plot: str, made: "Outline", volume: Any) -> None:
    from spa.plot import figure
    from spa.plot.maps import sections

    figure.save(sections(volume.data, volume.pixel_size, str(volume.path), made.mask), Path(plot))
