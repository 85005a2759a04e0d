"""`spa select duplicates`: one of those that are nearer to each other than a distance."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.standard
@click.option("--distance", default=30.0, show_default=True, type=click.FloatRange(min=0),
              help="Particles of a micrograph nearer than this are one particle, angstroms.")  # fmt: skip
@click.option("--by", metavar="COLUMN", show_default="rlnAutopickFigureOfMerit, or the first row",
              help="Of duplicates, keep the one with the largest value in this column.")  # fmt: skip
@click.option("--first", is_flag=True, help="Of duplicates, keep the one that comes first.")
@options.rejected
@job("select duplicates")
def duplicates(
    run: Run, star: str, output: str, distance: float, by: str | None, first: bool, rejected: str | None
) -> None:
    """Leave out particles that are there twice.

    Distances are between the particles, coordinate - origin / pixel size, in their micrograph. Rows stay in their
    order, and each keeps its half-set; duplicates that lay in different halves are counted, since they had tied them.
    Never use it on symmetry-expanded particles: their copies are duplicates by intent.
    """
    from spa_plugins.select_duplicates.duplicates import across_halves, survivors

    tables = run.read(star)
    table = tables["particles"]
    kept = survivors(table, tables["optics"], distance, by, first)
    if rejected:
        run.write(tables.with_block("particles", table.take(~kept)), rejected)
    crossing = across_halves(table, tables["optics"], distance)
    halves = f"; {crossing} pairs lay in different half-sets" if crossing else ""
    run.summary(f"{int(kept.sum())} of {len(kept)} particles kept, {int((~kept).sum())} duplicates left out{halves}")
    run.write(tables.with_block("particles", table.take(kept)), output)
