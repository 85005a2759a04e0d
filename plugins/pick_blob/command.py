"""`spa pick blob`: picks by size."""

import click

from spa.errors import UsageError
from spa.job import options
from spa.job.run import Run, job

_SHAPES = ("ball", "shell", "disc", "ring", "ellipse", "log")


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.plot
@click.option("--diameter", nargs=2, type=click.FloatRange(min=0, min_open=True), required=True, metavar="MIN MAX",
              callback=options.least_first,
              help="Smallest and largest diameter of a particle, angstroms.")  # fmt: skip
@click.option("--lowpass", default=20.0, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="Finest detail that is looked at, angstroms.")  # fmt: skip
@click.option("--threshold", type=float, show_default="from the scores themselves",
              help="Least score, in standard deviations of the background.")  # fmt: skip
@options.picks(spacing="0.75 x the diameter found")
@click.option("--shape", "shapes", multiple=True, type=click.Choice(_SHAPES), show_default="ball, shell, ellipse",
              help="Shape to try (repeatable): solid, hollow, flat, ring, long, Laplacian of a Gaussian.")  # fmt: skip
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=0),
              help="Times that the round shape is learned anew from the picks; 0 keeps the fixed shape.")  # fmt: skip
@click.option("--learn-from", default=24, show_default=True, type=click.IntRange(min=1),
              help="Micrographs, spread over the table, from which shape and threshold are learned.")  # fmt: skip
@click.option("--white", is_flag=True, help="Particles are brighter than the ice, not darker.")
@click.option("--no-ctf", is_flag=True, help="Leave the CTF aside even where the table has it and it helps.")
@options.everywhere
@job("pick blob", devices="one")
def blob(
    run: Run, star: str, output: str, plot: str | None, diameter: tuple[float, float], lowpass: float,
    threshold: float | None, spacing: float | None, max_picks: int, shapes: tuple[str, ...], rounds: int,
    learn_from: int, white: bool, no_ctf: bool, everywhere: bool,
) -> None:  # fmt: skip
    """Pick particles by size.

    A matched filter: the shape seen through the micrograph's CTF (where the table has it, and that explains more than
    the shape as it is), against the whitened micrograph. The solid and the hollow shape with most evidence make first
    picks; their mean radial profiles are the next templates. What explains most places is taken. So hollow, solid and
    elongated particles are found at their centres. Without --threshold, picks are kept from where they outnumber what
    noise and inverted contrast give. Carbon, crystals and lumps (_spaJunkMask, or as `spa curate junk` sees them) are
    left alone, and so are crystals as small as particles, far denser than nearly all the rest, where more is picked
    beside them.

    The table printed has data_particles (coordinates, score, local power, diameter) beside the micrographs it came
    from. DIR gets NAME_autopick.star for each micrograph and autopick.star, which lists them, as RELION has them.
    """
    from spa.recipe.picks import finish
    from spa_plugins.pick_blob.picking import Settings, pick_all

    if lowpass > diameter[0]:
        raise UsageError(f"--lowpass {lowpass:g} would leave nothing of a particle of {diameter[0]:g} A")
    settings = Settings(
        *diameter, lowpass, threshold, spacing, max_picks,
        shapes or ("ball", "shell", "ellipse"), rounds, learn_from, white, not no_ctf, everywhere,
    )  # fmt: skip
    tables = pick_all(run, run.read_today(star), settings)
    finish(run, tables, output, plot, settings.largest, "sd of the background")
