"""`spa symmetry detect`: a map in, a table of point groups out."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.plot
@options.standard
@options.one_map
@click.option(
    "--max-resolution",
    type=click.FloatRange(min=1),
    show_default="a tenth of the particle",
    help="Finest detail that is compared, angstroms.",
)
@click.option("--max-fold", type=click.IntRange(2, 60), default=12, show_default=True, help="Cn and Dn up to this n.")
@job("symmetry detect")
def detect(run: Run, star: str, output: str, plot: str | None, map_file: str | None, number: int | None,
           max_resolution: float | None, max_fold: int) -> None:  # fmt: skip
    """Find the point group of a map: Cn, Dn, T, O or I, wherever its axes lie.

    The map (or the mean of the two half maps) is compared with itself turned about every axis, in shells that are
    weighted by the stream's FSC, or else by what the solvent tells of the noise.  A group is there when all of its axes
    are: none much worse than the best, all beyond what axes at random give.  Of the groups that pass, the one with most
    elements is taken, or C1.  A featureless particle has none.  data_symmetry lists the groups that were looked at:

    \b
      _spaSymmetryScore     mean over the axes: correlation of what depends on the azimuth, 1 where it is perfect
      _spaSymmetryWeakest   the same of the worst axis
      _spaSymmetryChance    the same of axes at random, and _spaSymmetrySigmas how far the score is beyond that

    A map that is symmetric only in outline passes when fine detail is left out: choose --max-resolution to suit.
    """
    from spa.io.star import Tables
    from spa.job import maps
    from spa.recipe import symmetry

    maps.require_choice(number, map_file)
    tables, asked = symmetry.looked_for(run, star, map_file, number, max_resolution, max_fold)
    if plot:
        symmetry.draw(asked, plot)
    run.write((tables or Tables()).with_block(symmetry.BLOCK, asked.table()), output)
    run.summary(asked.summary())
