"""`spa star split`."""

import re

import click

from spa.errors import DataError, UsageError
from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@click.option("--size", type=click.IntRange(min=1), help="Rows in a part.")
@click.option("--number", type=click.IntRange(min=1), help="How many parts, equal to a row.")
@click.option("--by", metavar="COLUMN", help="A part for each value; with --number, rows of one value stay together.")
@click.option("--random", is_flag=True, help="Draw the rows of each part (--seed); else they are cut in order.")
@click.option("--block", show_default="the document\'s main one", help="Table to split.")
@click.option("--prefix", default="part", show_default=True, help="Files are DIR/PREFIX_001.star and so on.")
@job("star split")
def split(run: Run, star: str, output: str, size: int | None, number: int | None, by: str | None, random: bool,
          block: str | None, prefix: str) -> None:  # fmt: skip
    """Split a table into parts, each a whole document with the optics.

    Say --size, --number, --by COLUMN (files are named after its values), or --by and --number. Rows keep their order
    within a part. The table printed, data_parts, lists the files with their rows.

    \b
      spa star split --number 4 --random -d parts particles.star
      spa star split --by rlnMicrographName --number 2 -d halves particles.star
    """
    import numpy as np

    from spa.io.star import Table, Tables
    from spa_plugins.star_tools.blocks import block_of
    from spa_plugins.star_tools.parts import dealt

    assert run.outdir is not None
    if "/" in prefix:
        raise UsageError(f"--prefix {prefix}: a beginning of names in --outdir, without a folder")
    tables = run.read(star)
    name = block_of(tables, block)
    table = tables[name]
    if not len(table):
        raise DataError(f"{table.where} has no rows to split")
    keys = table.text(by.removeprefix("_")) if by else None
    order = run.rng("split").permutation(len(table)) if random else np.arange(len(table))
    part = dealt(len(table), size, number, keys, order)
    count = int(part.max()) + 1
    labels = [f"{index + 1:0{max(3, len(str(count)))}d}" for index in range(count)]
    if keys is not None and number is None:
        labels = _labels([str(keys[np.flatnonzero(part == index)[0]]) for index in range(count)])
    files, rows = [], []
    for index, label in enumerate(labels):
        here = np.flatnonzero(part == index)
        files.append(str(run.outdir / f"{prefix}_{label}.star"))
        rows.append(len(here))
        run.write(tables.with_block(name, table.take(here)), files[-1])
    parts = Table.of(spaPartName=files, spaPartRows=rows)
    run.write(Tables({"parts": parts}, tables.history), output)
    run.summary(f"{len(table)} rows in {count} parts of {min(rows)} to {max(rows)}")


def _labels(values: list[str]) -> list[str]:
    """Values as they may stand in a file's name, none twice."""
    seen: dict[str, int] = {}
    labels = []
    for value in values:
        plain = re.sub(r"[^A-Za-z0-9._+-]+", "_", value.rsplit("/", 1)[-1]).strip("._") or "none"
        seen[plain] = seen.get(plain, 0) + 1
        labels.append(plain if seen[plain] == 1 else f"{plain}_{seen[plain]}")
    return labels
