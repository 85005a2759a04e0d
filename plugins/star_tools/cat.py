"""`spa star cat`."""

import click

from spa.errors import DataError
from spa.job import options
from spa.job.run import Run, job


@click.command()
@click.argument("files", nargs=-1, metavar="[STAR]...")
@options.star_out
@options.standard
@click.option("--fill", metavar="VALUE", help="Value of columns that not all tables have, such as 0 or '<NA>'.")
@click.option("--block", help="Print this table alone (and the optics that it needs).")
@click.option("--columns", metavar="NAME,NAME", help="Print these columns of it alone, in this order.")
@click.option("--unique", metavar="COLUMN", help="Keep the first row of each value of this column.")
@job("star cat")
def cat(run: Run, files: tuple[str, ...], output: str, fill: str | None, block: str | None, columns: str | None,
        unique: str | None) -> None:  # fmt: skip
    """Show tables, or put several into one.

    Optics groups that agree in all but their number become one; others are numbered anew. Tables of different columns
    are refused unless --fill gives a value for what is not there. - is standard input.
    """
    import numpy as np

    from spa.io.star import Tables
    from spa_plugins.star_tools.blocks import block_of
    from spa_plugins.star_tools.merge import merged

    tables = merged([run.read(file) for file in files or ("-",)], fill)
    if block is not None:
        name = block_of(tables, block)
        for other in [other for other in tables.blocks if other not in ("optics", name)]:
            tables = tables.without_block(other)
        if "rlnOpticsGroup" not in tables[name]:
            tables = Tables({name: tables[name]}, tables.history, tables.source)
    name = block_of(tables, block)
    table = tables[name]
    if unique is not None:
        _, first = np.unique(table.text(unique.removeprefix("_")).astype(str), return_index=True)
        table = table.take(np.sort(first))
    if columns is not None:
        wanted = [column.strip().removeprefix("_") for column in columns.split(",") if column.strip()]
        if not wanted:
            raise DataError("--columns: no column named")
        table = table.select(wanted)
    run.write(tables.with_block(name, table), output)
    counts = ", ".join(f"{len(table)} {name}" for name, table in tables.with_block(name, table).blocks.items())
    run.summary(f"{max(len(files), 1)} table{'s'[: len(files) > 1]}: {counts}")
