"""The command: a table in, what is wrong with it out."""

import click

from spa.errors import DataError
from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.standard
@click.option(
    "--map",
    "map_file",
    type=options.INPUT_FILE,
    show_default="those that the table names",
    help="A map that belongs to the particles: box, pixel size, sign; with poses, whether they fit it.",
)
@click.option(
    "--reference", type=options.INPUT_FILE, help="With --map: a map of the same particle whose pixel size is right."
)
@click.option(
    "--resolution",
    type=click.FloatRange(min=0, min_open=True),
    help="With --map: its resolution, angstroms; its hand is told from helices, where it is about 5 A or better.",
)
@click.option(
    "--diameter",
    type=click.FloatRange(min=1),
    show_default="three quarters of the box",
    help="Of the particle, angstroms: what lies outside is background.",
)
@click.option(
    "--distance",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Picks nearer to each other than this are one particle twice, angstroms.",
)
@click.option(
    "--sample",
    default=200,
    show_default=True,
    type=click.IntRange(min=0),
    help="Images that are looked at, spread over the table; 0: none.",
)
@job("check")
def check(run: Run, star: str, output: str, map_file: str | None, reference: str | None,
          resolution: float | None, diameter: float | None, distance: float, sample: int) -> None:  # fmt: skip
    """Does a table make physical sense?

    Optics (kV, Cs, amplitude contrast, pixel sizes, groups), doses, values that are no numbers, defocus, half-sets
    and particles that are in both, picks too near to each other, missing files, sizes of stacks, background and
    contrast of images, the maps that the table names, or pixel size and sign of --map; with a map, poses and CTFs:
    whether they fit as they are, are better when read otherwise (signs, units, axes, kV), or belong to other rows.
    Each finding is a line on standard error and a row of data_findings: an error spoils the result silently, a
    warning should be looked at, a note is good to know.  Errors give status 65; with --strict warnings do, too. The
    hand cannot be told from projections (poses and map can be mirrored together); --resolution tells it from the
    map's alpha helices, and `refine homo --ewald` from the lens.
    """
    from spa.io.star import Table, Tables
    from spa.model.upgrade import is_old, upgraded
    from spa_plugins.check import images, maps, optics, rows
    from spa_plugins.check.findings import Findings

    call.go_with("map_file", "reference", "resolution")
    found = Findings()
    tables = run.read(star)
    tables = upgraded(tables) if is_old(tables) else tables
    optics.look(tables, found)
    rows.look(tables, distance, found)
    seen = images.look(tables, sample, diameter, found) if "particles" in tables else None
    if map_file:
        maps.look(run, tables, map_file, reference, resolution, seen, found)
    else:
        maps.look_at_stream(run, tables, seen, found)
    for one in found.all:
        run.warn(f"{one.severity}: {one.text}")
    table = Table.of(spaSeverity=[one.severity for one in found.all] or ["note"],
                     spaCheck=[one.check for one in found.all] or ["all"],
                     spaFinding=[one.text for one in found.all] or ["nothing was found"])  # fmt: skip
    run.write(Tables({"findings": table}, tables.history, tables.source), output)
    counts = found.counts()
    line = ", ".join(f"{counts[kind]} {kind}{'s' * (counts[kind] != 1)}" for kind in ("error", "warning", "note"))
    if counts["error"] or (run.strict and counts["warning"]):
        raise DataError(f"{tables.source}: {line}")
    run.summary(line)
