"""Options in, iterations with a checkpoint after each, averages and the table out."""

from pathlib import Path

import click

from spa.job import options
from spa.job.run import Run, job


@click.command(name="2d")
@options.star_in
@options.star_out
@options.outdir
@click.option("--classes", type=click.IntRange(min=1), default=50, show_default=True, help="How many class averages.")
@click.option("--diameter", type=click.FloatRange(min=1), required=True,
              help="Of the particle, angstroms: averages are masked to this circle.")
@click.option("--max-resolution", type=click.FloatRange(min=1), default=6.0, show_default=True,
              help="Finest detail used, angstroms.")
@click.option("--shift-range", type=click.FloatRange(min=0.1), show_default="an eighth of the diameter",
              help="Largest shift searched, angstroms.")
@click.option("--iterations", type=click.IntRange(min=4), default=30, show_default=True,
              help="Mini-batches (of all particles where they are few), the last two of all particles.")
@options.seen_through
@options.seed
@options.plot
@options.standard
@job("classify 2d", devices="one")
def classify_2d(
    run: Run, star: str, output: str, classes: int, diameter: float, max_resolution: float, shift_range: float | None,
    iterations: int, ctf: str, plot: str | None,
) -> None:  # fmt: skip
    """Sort particles into class averages.

    Every particle is compared with every average at every in-plane angle and shift, and shares itself out by
    likelihood.  Resolution grows from a quarter of the diameter; averages are filtered by the agreement of their
    halves.  DIR gets classes.mrcs (largest class first) and model.star (for RELION's display); the table has the
    class, angle and shift of each particle, and data_classes.

    Where the images were filtered or denoised, no detail is used that is weaker than a hundredth of their coarse noise.
    """
    from spa.class2d import loop
    from spa.job.pool import in_order
    from spa.recipe.device import engine_of
    from spa.recipe.iterations import checkpoint, resumed
    from spa_plugins.classify_2d import inputs, results

    engine = engine_of(run)
    tables = run.read(star)
    problem = inputs.problem(run, tables, classes, diameter, max_resolution, shift_range, iterations, ctf)
    state = resumed(run, loop.State) or loop.start(problem.images, problem.settings, problem.variance)
    with in_order(run.threads, run.checkpoint) as mapped:
        left = loop.iterations(
            problem.images, problem.settings, state, engine.over(mapped), inputs.expectation(engine, run.threads)
        )
        remaining = iterations - state.iteration
        for state in run.progress(left, total=remaining, unit="iteration"):
            run.say(results.line(problem, state))
            checkpoint(run, state)
    found = results.Classes(problem, state)
    run.write(results.written(run, found), output)
    if plot:
        results.draw(Path(plot), found)
    near = diameter / 4
    again = results.twice(found, near)
    if again > 0.02 * len(found.number):
        run.note(f"{again} particles lie within {near:.0f} A of another, now that classes are centred: what was picked "
                 f"twice `spa select duplicates --distance {near:.0f}` leaves out")  # fmt: skip
    words = {"full": "", "flipped": ", phases were flipped", "none": ", without CTF"}[ctf]
    run.summary(results.summary(found) + words)
