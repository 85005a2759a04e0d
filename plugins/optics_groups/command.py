"""The command: a table in, the same with other optics groups out."""

import click

from spa.errors import UsageError
from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.standard
@options.seed
@click.option("--by-name", metavar="REGEX",
              help="Micrographs share a group where what REGEX has in parentheses (or all that it matches) is the same "
                   "in their names.")
@click.option("--afis", is_flag=True,
              help="By EPU's file names: the number behind _Data_, which is that of the place in the hole pattern.")
@click.option("--by-shift", nargs=2, metavar="COLUMN COLUMN",
              help="By clusters of the image shift, x and y, in two columns.")
@click.option("--clusters", type=click.IntRange(min=1), show_default="where gaps are",
              help="How many clusters of --by-shift in each old group.")
@click.option("--min-rows", type=click.IntRange(min=1), default=1, show_default=True,
              help="Merge groups of fewer rows: those of --by-shift with the nearest, others together.")
@job("optics groups")
def groups(run: Run, star: str, output: str, by_name: str | None, afis: bool, by_shift: tuple[str, str] | None,
           clusters: int | None, min_rows: int) -> None:  # fmt: skip
    """Which images share their aberrations.

    Optics groups are split by what micrographs' names say, or by the image shift at which they were taken, which tilts
    the beam: then spa optics aberrations finds the tilt of each. Old groups are never mixed, and what they say is
    copied. Groups of fewer than about 500 particles tell little: --min-rows merges them. Without a way to split, it
    alone merges small groups that agree in all but their name.

    \b
      spa optics groups --afis --min-rows 500 refined.star > grouped.star
      spa optics groups --by-name '_x([0-9]+)y([0-9]+)_' refined.star > grouped.star
      spa optics groups --by-shift rlnBeamShiftX rlnBeamShiftY refined.star > grouped.star
    """
    from spa_plugins.optics_groups.regrouped import Way, regrouped

    if sum((bool(by_name), afis, bool(by_shift))) > 1:
        raise UsageError("--by-name, --afis, --by-shift: one of them")
    if clusters and not by_shift:
        raise UsageError("--clusters: it belongs to a --by-shift")
    if not (by_name or afis or by_shift) and min_rows == 1:
        raise UsageError("nothing to do: --by-name, --afis, --by-shift or --min-rows is needed")
    tables, words = regrouped(run, run.read(star), Way(by_name, afis, by_shift, clusters, min_rows))
    run.write(tables, output)
    run.summary(words)
