"""``spa select classes``: particles of good classes out."""

import click

from spa.job import call, options
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
@options.rejected
@options.plot
@options.by_hand
@options.standard
@job("select classes")
def classes(
    run: Run, star: str, output: str, classes: str | None, auto: bool, model: str | None, rejected: str | None,
    plot: str | None, web: bool, port: int, browser: bool,
) -> None:  # fmt: skip
    """Keep the particles of good classes, 2-D or 3-D.

    --auto drops a class that is no likelier than empty images, much coarser than the better ones, off the centre,
    in pieces, without contrast, smooth where the better ones have detail (ice, aggregates), that reaches over the rim
    of its circle, or that shows less than two fifths of the density that most have (fragments, a smaller protein); of
    --classes and --auto together a class must pass both.  Why each one was dropped is said on standard error.

    --web shows the averages, or slices of the maps, on a page in the browser, sorted by size, resolution or any other
    figure: a click keeps or drops a class, shift does so to a range, and every key has its use (? lists them). It
    begins with what --classes and --auto keep, if given, or where an earlier sitting on the same table ended: your
    choice is kept in DIR after every click. "Done" prints the table and ends the job.

    \b
    Examples:
      spa classify 2d p.star -d C --diameter 180 | spa select classes --auto > good.star
      spa select classes --web -d Chosen classified.star > good.star
      spa select classes --classes 1,4-7 --rejected rest.star classified.star > good.star
    """
    from spa.errors import DataError, UsageError
    from spa_plugins.select_classes import choice

    call.go_with("web", "port", "browser")
    if not (classes or auto or web):
        raise UsageError("nothing to choose by: give --classes LIST, --auto or --web")
    found = choice.choice(run, star, model, classes, auto)
    if web:
        from spa_plugins.select_classes.sitting import by_hand

        found = by_hand(run, found, bool(classes or auto), port, browser)
    for line in [] if web or run.quiet else found.lines():
        run.warn(line)
    if plot:
        found.draw(plot)
    if rejected:
        run.write(found.table(kept=False), rejected)
    if not found.rows.any():
        raise DataError(f"{found.classified.tables['particles'].where}: no class is kept")
    run.write(found.table(kept=True), output)
    run.summary(found.summary())
