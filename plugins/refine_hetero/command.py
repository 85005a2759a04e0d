"""Options in, the shared iterations with several references, tables and maps out."""

from pathlib import Path
from typing import Any

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option(
    "--reference",
    "references",
    type=options.INPUT_FILE,
    multiple=True,
    help="Map to start from, one for each class, good or junk; default: all maps of the stream.",
)
@click.option(
    "--iterations",
    type=click.IntRange(min=1),
    default=15,
    show_default=True,
    help="At most this many; it stops by itself when nothing is gained.",
)
@click.option(
    "--shift-range",
    type=click.FloatRange(min=0.1),
    default=20.0,
    show_default=True,
    help="Largest shift searched, angstroms.",
)
@click.option("--mask", type=options.INPUT_FILE, help="Soft solvent mask of all classes; default: a sphere.")
@click.option(
    "--diameter",
    type=click.FloatRange(min=1),
    help="Of the particle, angstroms; default: the largest measured on the references.",
)
@click.option("--symmetry", default="C1", show_default=True, metavar="GROUP", help="Point group: Cn, Dn, T, O, I.")
@click.option(
    "--lowpass",
    type=click.FloatRange(min=1),
    default=40.0,
    show_default=True,
    help="Resolution of the starts, angstroms.",
)
@options.seed
@options.plot
@options.standard
@job("refine hetero")
def hetero(
    run: Run, star: str, output: str, plot: str | None, references: tuple[str, ...], **settings: Any
) -> None:  # fmt: skip
    """Several references compete for the particles.

    Every particle is searched in every class, what is found in one is tried in all, and classes take their shares by
    likelihood.  Each class has halves of its own, its own grey scale, and the resolution of its own FSC.  When the
    poses have settled, classes are weighed once more as differences from the map of all particles at these poses
    (as `spa classify 3d` does), where a class that is better resolved has no advantage.  DIR gets class001.mrc ...
    (the largest class first), its half maps and FSC, and mask.mrc; the table has class, pose and the posterior of
    each class, data_classes and data_maps.

    \b
    Examples:
      spa refine hetero p.star --reference good.mrc --reference junk.mrc -d H | spa select classes --classes 1
      spa abinit model p.star --classes 3 --diameter 180 -d A | spa refine hetero -d H --plot h.png > classes.star
    """
    from spa.job.pool import mapping
    from spa.recipe import kept
    from spa.recipe.given import Asked, read, stream_maps
    from spa.refine import rivals
    from spa.refine.problem import Workers
    from spa_plugins.refine_hetero import results, weighing

    tables = run.read(star)
    sources = list(references) or stream_maps(tables)
    inputs = read(run, tables, Asked.of({**settings, "reference": None}), sources)
    state = kept.resumed(run, inputs.start)
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads)
        while not state.done:
            state = rivals.iterated(inputs.problem, state, workers)
            run.note(results.line(inputs.problem, state))
            kept.checkpoint(run, state)
        state = weighing.weighed(inputs.problem, state, workers)
    found = results.Classes(inputs, state)
    run.write(results.written(run, found), output)
    if plot:
        results.draw(Path(plot), found)
    run.summary(results.summary(found))
