"""`spa export relion`: particles in, a table of an older RELION out."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.standard
@click.option("--version", default="5", show_default=True, type=click.Choice(["3.0", "3.1", "4", "5"]),
              help="Of RELION: 3.0 has one block, origins in pixels, and optics in each row.")
@click.option("--plain", is_flag=True, help="Leave out columns and blocks that are spa's own (`_spa...`).")
@job("export relion")
def relion(run: Run, star: str, output: str, version: str, plain: bool) -> None:
    """Particles as a RELION table of any version since 3.0.

    Tables of spa are RELION's since 3.1 as they are; --version 3.0 takes them back before optics groups.
    `spa import particles` reads all of them.
    """
    from spa.model.upgrade import is_old, upgraded
    from spa_plugins.export_tables.relion_tables import before_groups, half_precision, without_own

    tables = run.read(star)
    tables = upgraded(tables) if is_old(tables) else tables
    if version in ("3.0", "3.1"):
        for path in half_precision(tables):
            run.warn(f"{path}: float16, which RELION {version} does not read")
    made = before_groups(tables) if version == "3.0" else tables
    run.write(without_own(made) if plain else made, output)
    run.summary(f"{len(tables['particles'])} particles, RELION {version}")
