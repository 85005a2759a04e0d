"""`spa pick neural`: picks by a trained network."""

from typing import TYPE_CHECKING

import click

from spa.errors import UsageError
from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.picking.working import Working


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.plot
@click.option("--model", type=options.INPUT_FILE, show_default="the general one that comes with spa",
              help="Picker made by `spa train neural`.")  # fmt: skip
@click.option("--diameter", type=click.FloatRange(min=0, min_open=True), show_default="the model's",
              help="Of a particle, its longest, angstroms; the general picker needs it.")  # fmt: skip
@click.option("--threshold", type=float, show_default="the model's",
              help="Least score: the log-odds of being a particle (0 is even chances).")  # fmt: skip
@options.picks(spacing="half the diameter")
@click.option("--turns", default="2", show_default=True, type=click.Choice(["1", "2", "4", "8"]),
              help="Turns and mirrors of a micrograph whose answers are averaged: more are slower.")  # fmt: skip
@click.option("--white/--dark", default=None, show_default="the model's",
              help="Particles are brighter or darker than the ice.")  # fmt: skip
@job("pick neural", devices="one")
def neural(
    run: Run, star: str, output: str, plot: str | None, model: str | None, diameter: float | None,
    threshold: float | None, spacing: float | None, max_picks: int, turns: str, white: bool | None,
) -> None:  # fmt: skip
    """Pick particles by a trained network.

    Without --model, by a general network that was trained on made-up micrographs of many shapes, sizes and defects,
    and needs the particle's diameter alone. `spa train neural` makes one for the particle at hand. A micrograph is
    brought to the scale at which the particle spans 24 pixels, so that a model serves at any pixel size. No torch is
    needed. Without --threshold, a micrograph that gets no more picks than as much noise has none. The table printed
    has data_particles (coordinates; the score is a log-odds) beside the micrographs.
    """
    from spa.job import micrographs
    from spa.job.micrographs import Micrograph
    from spa.recipe import picker
    from spa.recipe.picks import finish

    tables, known = run.read_today(star), picker.read(model)
    across = diameter or known.diameter
    if not across:
        raise UsageError("the general picker needs --diameter" if model is None else "this model needs --diameter")
    least = known.threshold if threshold is None else threshold
    bright = known.white if white is None else white
    apart = 0.5 if spacing is None else spacing / across

    answer = picker.answering(run)

    def pick(image: "Working") -> "np.ndarray":
        return picker.picked(image, known, least, apart, int(turns), max_picks, answer)

    some = pick if threshold is not None else picker.emptied(pick, least)

    def found(micrograph: Micrograph) -> "np.ndarray":
        return some(picker.prepared(micrograph, across, bright))

    picked = micrographs.picks(run, tables, found)
    finish(run, picked, output, plot, across, "log-odds")
