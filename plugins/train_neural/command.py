"""`spa train neural`: a picker from some picks."""

import click

from spa.errors import DeviceError, UsageError
from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.standard
@options.seed
@click.option("--plot", metavar="PNG", type=click.Path(),
              help="Draw the learning curve, and recall against picks (extra: plot).")  # fmt: skip
@click.option("--picks", type=options.INPUT_FILE, show_default="data_particles of STAR",
              help="Table of picks (micrograph, coordinates): all good, not all that there are.")  # fmt: skip
@click.option("--expected", type=click.FloatRange(min=1), show_default="1.2 x the picks",
              help="Particles that a micrograph holds in the mean, picked or not.")  # fmt: skip
@click.option("--diameter", type=click.FloatRange(min=0, min_open=True), required=True,
              help="Of a particle, its longest, angstroms.")  # fmt: skip
@click.option("--model-out", required=True, metavar="FILE", type=click.Path(), help="Where the trained picker goes.")
@click.option("--from", "start", type=options.INPUT_FILE, show_default="the general picker",
              help="Picker to go on from.")  # fmt: skip
@click.option("--fresh", is_flag=True, help="Start from random weights instead.")
@click.option("--epochs", type=click.IntRange(min=1), show_default="8; 24 with --fresh",
              help="Rounds of 30 steps of 4 pieces of micrographs.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(min=0, min_open=True, max=0.1), show_default="0.0005; 0.002 with --fresh",
              help="Learning rate at its highest.")  # fmt: skip
@click.option("--slack", default=0.1, show_default=True, type=click.FloatRange(min=0),
              help="Weight of the expected number against the picks.")  # fmt: skip
@click.option("--validation", default=0.2, show_default=True, type=click.FloatRange(0, 0.9),
              help="Share of the micrographs that is held out to judge by; 0 for none.")  # fmt: skip
@click.option("--refit/--no-refit", default=True, show_default=True,
              help="Train once more, on all micrographs, after judging.")  # fmt: skip
@click.option("--white", is_flag=True, help="Particles are brighter than the ice, not darker.")
@job("train neural", devices="one")
def neural(
    run: Run, star: str, output: str, plot: str | None, picks: str | None, expected: float | None, diameter: float,
    model_out: str, start: str | None, fresh: bool, epochs: int | None, rate: float | None, slack: float,
    validation: float, refit: bool, white: bool,
) -> None:  # fmt: skip
    """Train a picker from some picks.

    Some hundred picks on a few micrographs are enough. Places without a pick are not taken for background: it is only
    asked that as many of them be particles as --expected says (Topaz's GE-binomial objective, Bepler et al. 2019).
    Starts from the general picker, or with --fresh from nothing.

    Some micrographs are held out: on them the curve is drawn, and the threshold chosen where recall^2 over picks is
    largest, or as low as that is within 2 % of it. The picker written is then trained on all. The table printed,
    data_training, has loss, recall and picks for each label after every epoch. With --device cuda the network is
    torch's there.
    """
    try:
        import torch  # noqa: F401
    except ImportError:
        raise DeviceError("training needs torch: pip install 'spa[neural]'") from None
    from spa_plugins.train_neural.course import Plan, trained

    if start and fresh:
        raise UsageError("--from and --fresh: give one of them")
    plan = Plan(
        diameter, expected, start, fresh, epochs or (24 if fresh else 8), rate or (2e-3 if fresh else 5e-4), slack,
        validation, refit, white,
    )  # fmt: skip
    result = trained(run, star, picks, plan)
    result.write(model_out)
    run.write(result.tables(), output)
    if plot:
        from spa.plot.figure import save
        from spa.plot.training import curves

        save(curves(result.history, result.curve.recall, result.curve.picks, result.curve.best, result.judge), plot)
    run.summary(result.summary())
