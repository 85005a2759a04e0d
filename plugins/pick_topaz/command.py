"""`spa pick topaz`: picks by the user's own `topaz` command."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.plot
@click.option("--diameter", type=click.FloatRange(min=0, min_open=True), required=True,
              help="Of a particle, angstroms: micrographs are shrunk until it spans about 20 pixels.")  # fmt: skip
@click.option("--model", metavar="NAME", show_default="Topaz's general one",
              help="Model: a file that `topaz train` made, or a name that Topaz knows.")  # fmt: skip
@click.option("--threshold", default=0.0, show_default=True, type=float, help="Least score, log-odds.")
@click.option("--scale", type=click.IntRange(min=1), show_default="from the diameter",
              help="Times that the micrographs are shrunk; what the model was trained at.")  # fmt: skip
@click.option("--radius", type=click.IntRange(min=1), show_default="half the diameter",
              help="Topaz's radius, pixels of the shrunk micrographs: no two picks are nearer.")  # fmt: skip
@click.option("--batch", default=16, show_default=True, type=click.IntRange(min=1),
              help="Micrographs that one call of Topaz gets.")  # fmt: skip
@click.option("--program", default="topaz", show_default=True, metavar="COMMAND", help="How Topaz is called.")
@job("pick topaz", devices="one")
def topaz(
    run: Run, star: str, output: str, plot: str | None, diameter: float, model: str | None, threshold: float,
    scale: int | None, radius: int | None, batch: int, program: str,
) -> None:  # fmt: skip
    """Pick particles with your own Topaz.

    Runs `topaz preprocess` and `topaz extract` (Bepler et al. 2019; installed by yourself, found on PATH) on the
    micrographs of the table, and prints its picks as data_particles beside them; the score is Topaz's log-odds.
    """
    import shutil

    from spa.errors import DeviceError
    from spa.recipe.picks import finish
    from spa_plugins.pick_topaz.calling import Settings, pick_all

    found = shutil.which(program)
    if found is None:
        raise DeviceError(f"no command {program} on PATH: install Topaz (conda install -c tbepler topaz), or name it "
                          f"by --program")  # fmt: skip
    settings = Settings(found, diameter, model, threshold, scale, radius, batch)
    picked = pick_all(run, run.read(star), settings)
    finish(run, picked, output, plot, diameter, "log-odds")
