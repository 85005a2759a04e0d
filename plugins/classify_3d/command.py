"""Options in, iterations with a checkpoint after each, maps and the table out."""

from pathlib import Path
from typing import Any

import click

from spa.errors import UsageError
from spa.job import call, options
from spa.job.run import Run, job


@click.command(name="3d")
@options.star_in
@options.star_out
@options.outdir
@click.option("--classes", type=click.IntRange(min=2), default=2, show_default=True, help="How many maps.")
@click.option(
    "--diameter",
    type=click.FloatRange(min=1),
    show_default="measured on the map of all particles",
    help="Of the particle, angstroms.",
)
@options.solvent_mask
@click.option(
    "--focus-mask",
    type=options.INPUT_FILE,
    help="Soft mask of where classes may differ; elsewhere all are the map of all particles.",
)
@click.option(
    "--max-resolution",
    type=click.FloatRange(min=1),
    default=6.0,
    show_default=True,
    help="Finest detail used, angstroms.",
)
@click.option(
    "--init",
    type=click.Choice(["pca", "random"]),
    default="pca",
    show_default=True,
    help="Start from principal components of the differences, or from random classes.",
)
@click.option(
    "--start-resolution",
    type=click.FloatRange(min=1),
    default=20.0,
    show_default=True,
    help="Finest detail of the start, angstroms.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    show_default="20 for pca, 3 for random",
    help="Starts of which the likeliest goes on.",
)
@click.option(
    "--similarity",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.5,
    show_default=True,
    help="Share by which random starts hold the classes alike at first.",
)
@click.option(
    "--tau",
    type=click.FloatRange(min=0, min_open=True),
    default=0.05,
    show_default=True,
    help="Power of what classes differ in, over that of the map: less makes them smoother.",
)
@click.option(
    "--iterations",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="At most this many; it stops by itself when the classes have settled.",
)
@options.seed
@options.plot
@options.standard
@job("classify 3d", devices="one")
def classify_3d(run: Run, star: str, output: str, plot: str | None, **settings: Any) -> None:
    """Sort particles with known poses into 3-D classes.

    No alignment: poses are those of the table (of refine homo, or after symmetry expand).  A class is a difference
    from the map of all particles, so that whatever lies outside --focus-mask is explained before classes are compared.
    At the end each half of the particles is classified by itself, to say whether its classes explain the other half
    better than a single map, and whether both sort particles alike.  DIR gets class001.mrc ... (the largest class
    first), its half maps and FSC, and mask.mrc; the table has class, entropy and evidence of each particle,
    data_classes and data_maps.

    Poses of a refinement with --symmetry are known up to that group: classes that break it (a subunit missing in some
    particles) come apart after symmetry expand, with a mask of one subunit.  Each copy has a class then, and a particle
    is odd if one of its copies is.

    \b
    Examples:
      spa refine homo p.star -d R | spa classify 3d --classes 4 --plot classes.png -d C > classes.star
      spa symmetry expand r.star --symmetry D7 | spa classify 3d --focus-mask unit.mrc -d C > classes.star
    """
    from spa.class3d import loop
    from spa.class3d.apart import worth
    from spa.class3d.halves import class_maps
    from spa.job.pool import mapping
    from spa.recipe.device import engine_of
    from spa.recipe.iterations import course
    from spa.refine.problem import Workers
    from spa_plugins.classify_3d import inputs, results

    if settings["init"] == "pca" and call.was_given("similarity"):
        raise UsageError("--similarity is of random starts: it goes with --init random")
    engine = engine_of(run)
    given = inputs.read(run, run.read(star), inputs.Asked.of(settings))
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads, engine)
        ready = inputs.prepared(run, given, workers)
        state = course(
            run, loop.State, lambda one: len(one.number) == len(given.posed),
            first=lambda: loop.first_state(ready.problem, workers),
            step=lambda one: loop.iterated(ready.problem, one, workers),
            line=results.line, done=lambda one: one.done,
        )  # fmt: skip
        maps = class_maps(ready.problem, state, ready.consensus, ready.solvent, workers)
        found = results.Classes(ready, state, maps, worth(ready.problem, workers))
    run.write(results.written(run, found), output)
    if plot:
        results.draw(Path(plot), found)
    if doubt := results.doubt(found):
        run.warn(doubt)
    run.summary(results.summary(found))
