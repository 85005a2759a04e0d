"""`spa select views`: particles with poses in, those whose views are more even out."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.standard
@options.seed
@options.plot
@options.map_symmetry
@click.option("--over", type=click.FloatRange(min=0.1), default=2.0, show_default=True,
              help="No direction keeps more than this many times what even views would have.")
@click.option("--by", metavar="COLUMN", show_default="drawn with --seed",
              help="Of views that crowd, those with the largest values in this column stay.")
@options.rejected
@job("select views")
def views(run: Run, star: str, output: str, plot: str | None, symmetry: str | None, over: float, by: str | None,
          rejected: str | None) -> None:  # fmt: skip
    """Thin the views that crowd about few directions.

    Particles that lie on few of their sides fill Fourier space unevenly, and fewer of these may make a rounder map:
    which is so, a reconstruction of either tells. Views are counted in caps about 642 directions, from both sides and
    over the point group; each half-set is thinned alike. Nothing comes where no views are: see `spa post orientation`.

    \b
    Examples:
      spa select views refined.star | spa reconstruct -d Even --symmetry C4 | spa post orientation -d Views
      spa select views refined.star --over 1.5 --by spaParticleEvidence | spa refine nu -d Even > even.star
    """
    from spa.job import maps
    from spa.volume.symmetry import operators
    from spa_plugins.select_views import selection

    tables = run.read(star)
    group = operators(maps.symmetry(tables, symmetry))
    found = selection.selected(run, tables, group, over, by)
    table = tables["particles"]
    if rejected:
        run.write(tables.with_block("particles", table.take(~found.kept)), rejected)
    if plot:
        selection.draw(plot, found, group)
    run.write(tables.with_block("particles", table.take(found.kept)), output)
    run.summary(found.words())
