"""`spa star stat`."""

import shutil
import sys

import click

from spa.errors import DataError
from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@click.option("-o", "--output", metavar="STAR", type=click.Path(), help="Write the figures as data_statistics.")
@options.standard
@options.plot
@click.option("-c", "--columns", metavar="NAME,NAME", show_default="all with numbers", help="Columns to show.")
@click.option("--block", show_default="the document\'s main one", help="Table to look at.")
@click.option("--bins", type=click.IntRange(2, 400), show_default="what the terminal holds",
              help="Bars of a histogram.")
@job("star stat")
def stat(run: Run, star: str, output: str | None, plot: str | None, columns: str | None, block: str | None,
         bins: int | None) -> None:  # fmt: skip
    """Columns in figures and histograms.

    Prints for each column how many values there are and are missing, least, median, mean, greatest, standard deviation
    of the sample, and a histogram; for columns of text, named with --columns, the most frequent values. With -o the
    figures go into a table instead (and to - for standard output).
    """
    from spa.io.star import Tables
    from spa_plugins.star_tools.blocks import block_of
    from spa_plugins.star_tools.figures import Numbers, as_table, described, report

    tables = run.read(star)
    table = tables[block_of(tables, block)]
    names = [name.strip().removeprefix("_") for name in (columns or "").split(",") if name.strip()]
    found = [described(table, name) for name in names or table.columns]
    shown = found if names else [column for column in found if isinstance(column, Numbers)] or found
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    if output is not None:
        run.write(Tables({"statistics": as_table(shown)}, tables.history), output)
    else:
        width = max((len(column.name) for column in shown), default=0)
        room = shutil.get_terminal_size((120, 24)).columns - width - 28
        sys.stdout.write(report(shown, bins or min(max(room, 20), 80)))
    if plot is not None:
        from spa.plot.columns import histograms
        from spa.plot.figure import save

        numbers = [column for column in shown if isinstance(column, Numbers)]
        save(histograms([(column.name, *column.histogram(bins or 50)) for column in numbers]), plot)
    run.summary(f"{len(table)} rows, {len(shown)} columns")
