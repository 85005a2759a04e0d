"""`spa star filter`."""

import os

import click

from spa.errors import DataError, UsageError
from spa.job import options
from spa.job.run import Run, job


@click.command(name="filter")
@click.argument("expression", metavar="EXPR")
@options.star_in
@options.star_out
@options.standard
@click.option("--block", show_default="the document\'s main one", help="Table to filter, such as particles.")
@click.option("--invert", is_flag=True, help="Keep the rows for which EXPR is false.")
@options.rejected
@click.option("--allow-empty", is_flag=True, help="No row left is a result, not an error.")
@job("star filter")
def filter_rows(run: Run, expression: str, star: str, output: str, block: str | None, invert: bool,
                rejected: str | None, allow_empty: bool) -> None:  # fmt: skip
    """Keep the rows for which an expression is true.

    EXPR has columns, numbers, 'texts', + - * / // % **, < <= == != >= > in, and or not, ... if ... else ..., and
    functions: abs sqrt exp log hypot ..., of a whole column min max mean median std mad quantile(x, q) count(cond)
    rank(x), of text contains startswith endswith matches(x, 'regex'), isin(x, [1, 2]), isnan(x). `row` counts from 1.
    Columns of a row's optics group can be used as its own.

    \b
      spa star filter 'rlnCtfMaxResolution < 6 and abs(rlnDefocusU - rlnDefocusV) < 3 * mad(rlnDefocusU)' mics.star
      spa star filter 'rlnClassNumber in [1, 4, 7]' particles.star
      spa star filter "startswith(rlnMicrographName, 'day2/')" particles.star
    """
    import numpy as np

    from spa.model.expression import mask
    from spa_plugins.star_tools.blocks import block_of, optics_of

    if os.path.isfile(expression):
        raise UsageError(f"{expression} is a file: EXPR comes first, then STAR (spa star filter 'EXPR' {expression})")
    tables = run.read(star)
    name = block_of(tables, block)
    table = tables[name]
    keep = mask(expression, table, optics_of(tables, name))
    keep = ~keep if invert else keep
    if not keep.any() and not allow_empty:
        raise DataError(f"{table.where}: none of its {len(table)} rows is kept by {expression!r} (see --allow-empty)")
    if rejected is not None:
        run.write(tables.with_block(name, table.take(~keep)), rejected)
    run.write(tables.with_block(name, table.take(keep)), output)
    run.summary(f"{np.count_nonzero(keep)} of {len(table)} rows kept")
