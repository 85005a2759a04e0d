"""`spa star join`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spa.errors import DataError, UsageError
from spa.job import call, options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.io.star import Table


@click.command()
@options.star_in
@options.star_out
@options.standard
@click.option("--with", "other_file", required=True, metavar="STAR", type=options.INPUT_TABLE,
              help="The table with the columns to add; - is standard input.")
@click.option("--on", metavar="NAME,NAME", help="Columns that tell rows apart.",
              show_default="rlnImageName; or rlnMicrographName, rlnCoordinateX, rlnCoordinateY; or rlnMicrographName")
@click.option("--columns", metavar="NAME,NAME", show_default="all new ones", help="Columns to take, over those there.")
@click.option("--basename", is_flag=True, help="Paths agree when their last parts do.")
@click.option("--inner", is_flag=True, help="Leave out rows without a partner.")
@click.option("--fill", metavar="VALUE", help="Keep rows without a partner; their new columns, or old ones that are "
              "not there, get this value.")  # fmt: skip
@click.option("--anti", is_flag=True, help="Keep only the rows without a partner, as they are.")
@click.option("--allow-empty", is_flag=True, help="With --anti: no row left is a result, not an error.")
@click.option("--block", show_default="each document's main one", help="Table to join, in both.")
@job("star join")
def join(run: Run, star: str, output: str, other_file: str, on: str | None, columns: str | None, basename: bool,
         inner: bool, fill: str | None, anti: bool, allow_empty: bool, block: str | None) -> None:  # fmt: skip
    """Add the columns of one table to the rows of another.

    Rows keep their number and order. A row without a partner is an error unless --inner, --fill or --anti says what
    becomes of it. Image numbers agree whatever their zeros, coordinates to a hundredth of a pixel.

    \b
      spa star join new.star --with refined.star --columns rlnAngleRot,rlnAngleTilt,rlnAnglePsi
      spa star join particles.star --with mics_ctf.star --on rlnMicrographName --columns rlnCtfMaxResolution
    """
    import numpy as np

    from spa.io import star as documents
    from spa_plugins.star_tools.blocks import block_of, optics_of
    from spa_plugins.star_tools.match import default_keys, partners

    if inner + (fill is not None) + anti > 1:
        raise UsageError("--inner, --fill and --anti exclude each other")
    call.go_with("anti", "allow_empty")
    call.excluded_by("anti", "columns")
    if star == other_file == "-":
        raise UsageError("standard input is one table: name STAR, or the table of --with")
    tables = run.read(star)
    others = run.read("-") if other_file == "-" else documents.read(other_file)
    name, other_name = block_of(tables, block), block_of(others, block)
    left, right = tables[name], others[other_name]
    keys = _names(on) or default_keys(left, right)
    at = partners(left, right, keys, basename)
    if anti:
        table = left.take(at < 0)
        if not len(table) and not allow_empty:
            raise DataError(f"all {len(left)} rows of {left.where} have a partner in {right.where}: none is left "
                            "(see --allow-empty)")  # fmt: skip
    else:
        optics = optics_of(others, other_name)
        wanted = _names(columns) or tuple(column for column in right.columns if column not in left)
        wanted = tuple(column for column in wanted if column != "rlnOpticsGroup" or columns)
        right = _with_optics(right, optics, wanted)
        table = _joined(left, right, at, wanted, inner, fill)
    run.write(tables.with_block(name, table), output)
    found = np.count_nonzero(at >= 0)
    run.summary(f"{found} of {len(left)} rows have a partner by {', '.join(keys)}; {len(table)} rows written")


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip().removeprefix("_") for name in (text or "").split(",") if name.strip())


def _with_optics(table: Table, optics: Table | None, wanted: tuple[str, ...]) -> Table:
    """The table with those columns that its rows have through their optics group."""
    from spa.model.expression import evaluate

    if optics is None:
        return table
    lacking = [name for name in wanted if name not in table and name in optics]
    return table.with_columns(**{name: evaluate(name, table, optics) for name in lacking})


def _joined(left: Table, right: Table, at: np.ndarray, wanted: tuple[str, ...], inner: bool, fill: str | None) -> Table:
    import numpy as np

    there = at >= 0
    if not there.any():
        raise DataError(f"no row of {left.where} has a partner in {right.where}; is --on right, or --basename wanted?")
    if not there.all() and not inner and fill is None:
        row = int(np.flatnonzero(~there)[0])
        raise DataError(
            f"{np.count_nonzero(~there)} of the {len(left)} rows of {left.where} have no partner in {right.where} "
            f"(the first is row {row + 1}); --inner leaves them out, --fill VALUE keeps them"
        )
    if inner:
        left, at, there = left.take(there), at[there], there[there]
    columns = {}
    for name in wanted:
        values = right.text(name)[np.maximum(at, 0)]
        values[~there] = left.text(name)[~there] if name in left else fill
        columns[name] = values
    return left.with_columns(**columns)
