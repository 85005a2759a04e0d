"""`spa export chimerax`: the stream's maps as a ChimeraX session script."""

from pathlib import Path

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@click.option("--level", type=click.FloatRange(min=0, min_open=True), default=4.0, show_default=True,
              help="Contour, standard deviations above the mean of each map.")  # fmt: skip
@job("export chimerax")
def chimerax(run: Run, star: str, output: str, level: float) -> None:
    """Maps and volume series of the stream as a session of ChimeraX.

    DIR gets maps.cxc, a script that opens the maps of data_maps (a class a colour) and each series of frames along a
    component as one that plays (vseries).  Paths are absolute: ChimeraX may start anywhere.  The table goes on as it
    is.
    """
    from spa.io.whole import whole
    from spa_plugins.export_tables.session import script

    assert run.outdir is not None
    tables = run.read(star)
    lines = script(run, tables, level)
    path = run.outdir / "maps.cxc"
    with whole(path) as part:
        Path(part).write_text("\n".join(lines) + "\n")
    run.write(tables, output)
    count = sum(one.startswith("open") for one in lines)
    run.summary(f"{count} model{'s'[: count > 1]}: chimerax {path}")
