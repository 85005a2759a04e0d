"""`spa pick loop`: rounds of picking, 2-D classes and training, as one command."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.plot
@click.option("--diameter", type=click.FloatRange(min=0, min_open=True), required=True,
              help="Of a particle, its longest, angstroms.")  # fmt: skip
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1),
              help="Most rounds of classes and training.")  # fmt: skip
@click.option("--settled", default=0.05, show_default=True, type=click.FloatRange(0, 1),
              help="Stop when the good particles change by less than this part.")  # fmt: skip
@click.option("--first", default="neural", show_default=True, type=click.Choice(["neural", "blob"]),
              help="First picker: the general network, or by size.")  # fmt: skip
@click.option("--model", type=options.INPUT_FILE, help="Picker of `spa train neural` to start with.")
@click.option("--classes", type=click.IntRange(min=2), show_default="one for 60 particles, 10 to 50",
              help="Class averages of a round.")  # fmt: skip
@click.option("--max-resolution", type=click.FloatRange(min=1), show_default="a tenth of the diameter, 8 to 20",
              help="Finest detail of the class averages, angstroms.")  # fmt: skip
@click.option("--max-particles", default=4000, show_default=True, type=click.IntRange(min=50),
              help="Particles that are classified in a round; drawn at random from more.")  # fmt: skip
@click.option("--threshold", type=float, show_default="the model's", help="Least score of the last picks, log-odds.")
@job("pick loop")
def loop(
    run: Run, star: str, output: str, plot: str | None, diameter: float, rounds: int, settled: float, first: str,
    model: str | None, classes: int | None, max_resolution: float | None, max_particles: int, threshold: float | None,
) -> None:  # fmt: skip
    """Pick, classify, train and pick again.

    Each round cuts out the picks, sorts them into 2-D classes, takes particles of good classes for positives, trains
    a picker from them and picks all micrographs with it, until the number of good particles settles. Classes need
    the micrographs' CTF (`spa ctf patch`). Every step is a job of spa that you could have typed; its command is kept
    in DIR/roundN/steps.txt, beside its tables, averages and picker. --resume goes on behind the last step that is
    whole. Micrographs of several pixel sizes make images of one. The table printed has the last picks.
    """
    from spa.errors import UsageError
    from spa.recipe.picks import finish
    from spa_plugins.pick_loop.rounds import Plan, run_all

    if model and first != "neural":
        raise UsageError(f"--model is a network: it cannot go with --first {first}")
    finest = max_resolution or min(20.0, max(8.0, diameter / 10))
    plan = Plan(diameter, rounds, settled, first, model, classes, finest, max_particles, threshold)
    tables = run.read_today(star)
    found = run_all(run, tables, plan)
    picked = tables.with_block("particles", found)
    finish(run, picked, output, plot, diameter, "log-odds")
