"""``spa curate junk``: micrographs in, the same with masks of their junk out."""

from __future__ import annotations

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--diameter", default=150.0, show_default=True, type=click.FloatRange(30, 5000),
              help="Of the largest particle, angstroms; what is no wider is no junk.")  # fmt: skip
@click.option("--specks", is_flag=True,
              help="Things no wider than particles but far denser than nearly all else are junk, too (crystals).")
@options.standard
@options.plot
@job("curate junk")
def junk(run: Run, star: str, output: str, plot: str | None, diameter: float, specks: bool) -> None:
    """Mask what is no specimen on the micrographs of STAR: carbon, crystals, lumps of ice, aggregates, cracks.

    A place is junk when its grey level or its finest detail is far from the micrograph's own bulk, over more than a
    particle's width. DIR/MICROGRAPH_junk.mrc is 1 there, in pixels of about 8 A (_spaJunkMask); _spaJunkShare is its
    part of the micrograph. Pickers leave such places alone, and picks that the table has there already are dropped.
    With --specks, crystals as small as particles are masked, too; not where a few dense particles are all there is,
    which would be taken for such.

    _spaContent tells exposures of one set apart as wholes: detail of 10 to 20 A, over noise and over what is uneven at
    45 to 180 A. It is above 0.5 where the detail of particles stands out of the noise, near 0 in empty ice and vacuum,
    and below where what there is is coarse: crystals and lumps far below, but also particles of which hardly more than
    the outline is seen. Compare it with the set's own median, as 'curate rules --auto' does.

    \b
    Example:
      spa curate junk --diameter 180 -d Junk ctf.star | spa curate rules --auto | spa pick blob --diameter 150 180
    """
    from spa_plugins.curate_junk import masks

    tables = run.read_today(star)
    found = masks.masked(run, tables, diameter, specks)
    run.write(found, output)
    run.summary(masks.summary(tables, found))
    if plot:
        from spa.recipe.micrographs_figure import draw_junk

        table = found["micrographs"]
        draw_junk(found, table.floats(masks.SHARE), table.floats(masks.CONTENT), diameter, plot)
