"""``spa select classes``: particles of good classes out."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@click.option("--classes", metavar="LIST", help="Keep these, e.g. 1,4-7.")
@click.option("--auto", is_flag=True, help="Keep what looks like views of a particle, by measured features.")
@click.option(
    "--model",
    type=options.INPUT_FILE,
    help="Table of the classes (RELION's *_model.star) where STAR has no data_classes.",
)
@click.option("--rejected", metavar="STAR", type=click.Path(), help="Write the other particles here.")
@options.plot
@options.standard
@job("select classes")
def classes(
    run: Run, star: str, output: str, classes: str | None, auto: bool, model: str | None, rejected: str | None,
    plot: str | None,
) -> None:  # fmt: skip
    """Keep the particles of good classes, 2-D or 3-D.

    --auto drops a class that is no likelier than empty images, much coarser than the better ones, off the centre,
    in pieces, without contrast, smooth where the better ones have detail (ice, aggregates), or that reaches over the
    rim of its circle; of --classes and --auto together a class
    must pass both.  Why each one was dropped is said on standard error.

    \b
    Examples:
      spa classify 2d p.star -d C --diameter 180 | spa select classes --auto > good.star
      spa select classes --classes 1,4-7 --rejected rest.star classified.star > good.star
    """
    from spa.errors import DataError, UsageError
    from spa_plugins.select_classes import choice

    if not classes and not auto:
        raise UsageError("nothing to choose by: give --classes LIST or --auto")
    found = choice.choice(run, star, model, classes, auto)
    for line in found.lines():
        if not run.quiet:
            run.warn(line)
    if plot:
        found.draw(plot)
    if rejected:
        run.write(found.table(kept=False), rejected)
    if not found.rows.any():
        raise DataError(f"{found.classified.tables['particles'].where}: no class is kept")
    run.write(found.table(kept=True), output)
    run.summary(found.summary())
