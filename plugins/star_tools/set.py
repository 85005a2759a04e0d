"""`spa star set`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from spa.errors import UsageError
from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.io.star import Table, Tables

_ASSIGNMENT = re.compile(r"\s*_?[A-Za-z][A-Za-z0-9_]*\s*=(?!=).*", re.DOTALL)


@click.command(name="set")
@click.argument("words", nargs=-1, metavar="['COLUMN = EXPR'...] [STAR]")
@options.star_out
@options.standard
@click.option("--block", show_default="the document\'s main one", help="Table to change, such as optics.")
@click.option("--rename", nargs=2, multiple=True, metavar="OLD NEW", help="Rename a column; may be repeated.")
@click.option("--delete", multiple=True, metavar="COLUMN", help="Take a column out; may be repeated.")
@job("star set")
def set_columns(run: Run, words: tuple[str, ...], output: str, block: str | None, rename: tuple[tuple[str, str], ...],
                delete: tuple[str, ...]) -> None:  # fmt: skip
    """Set columns from expressions; rename and delete columns.

    Expressions are those of `spa star filter`; one value fills all rows. Assignments are done in their order and see
    the columns before them, then columns are renamed, then deleted. All columns of the same row are at hand.

    \b
      spa star set 'rlnAmplitudeContrast = 0.07' --block optics particles.star
      spa star set 'rlnDefocusU = rlnDefocusU + 120' 'rlnDefocusV = rlnDefocusV + 120' particles.star
      spa star set --delete rlnRandomSubset --rename rlnClassNumber firstClass particles.star
    """
    from spa_plugins.star_tools.blocks import block_of

    assignments, star = _sorted_words(words)
    if not assignments and not rename and not delete:
        raise UsageError("nothing to set: say 'COLUMN = EXPR', --rename or --delete")
    tables = run.read(star)
    name = block_of(tables, block)
    for text in assignments:
        tables = tables.with_block(name, _assigned(run, tables, name, text))
    table = _renamed(tables[name], rename)
    for column in (plain.removeprefix("_") for plain in delete):
        table.listed(column)
        table = table.without(column)
    run.write(tables.with_block(name, table), output)
    run.summary(f"{len(table)} rows of {len(table.columns)} columns")


def _sorted_words(words: tuple[str, ...]) -> tuple[list[str], str]:
    """Assignments, and the one word that is none: the table's file."""
    assignments = [word for word in words if _ASSIGNMENT.fullmatch(word)]
    files = [word for word in words if word not in assignments]
    if len(files) > 1:
        raise UsageError(f"one table at a time, not {', '.join(files)}; an assignment is of the form 'COLUMN = EXPR'")
    return assignments, files[0] if files else "-"


def _assigned(run: Run, tables: Tables, block: str, text: str) -> Table:
    import numpy as np

    from spa.model.expression import assignment, evaluate
    from spa_plugins.star_tools.blocks import optics_of

    column, expression = assignment(text)
    table = tables[block]
    value = np.asarray(evaluate(expression, table, optics_of(tables, block)))
    rows = np.broadcast_to(value if value.dtype.kind not in "US" else value.astype(object), len(table))
    wrong = 0 if rows.dtype.kind != "f" else np.count_nonzero(~np.isfinite(rows))
    if wrong:
        first = int(np.flatnonzero(~np.isfinite(rows))[0])
        run.warn(f"{column}: {wrong} of {len(rows)} values are no finite numbers (row {first + 1}: {rows[first]})")
    return table.with_columns(**{column: _whole(rows)})


def _whole(values: np.ndarray) -> np.ndarray:
    """Numbers that are all whole are written as such: a class or a group is no 3.0."""
    import numpy as np

    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.rint(values)).all():
        return values.astype(np.int64) if (np.abs(values) < 2**53).all() else values
    return values


def _renamed(table: Table, pairs: tuple[tuple[str, str], ...]) -> Table:
    for old, new in ((old.removeprefix("_"), new.removeprefix("_")) for old, new in pairs):
        if new in table:
            raise UsageError(f"--rename {old} {new}: there is a column {new} already")
        table = table.renamed(**{old: new})
    return table
