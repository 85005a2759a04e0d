"""Options in, the shared loop, tables and maps out."""

from pathlib import Path

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--reference", type=options.INPUT_FILE, help="Map to start from; default: the stream's.")
@click.option(
    "--lowpass",
    type=click.FloatRange(min=1),
    default=40.0,
    show_default=True,
    help="Resolution of the start, angstroms.",
)
@click.option("--symmetry", default="C1", show_default=True, metavar="GROUP", help="Point group: Cn, Dn, T, O, I.")
@click.option(
    "--diameter", type=click.FloatRange(min=1), help="Of the particle, angstroms; default: measured on the reference."
)
@click.option("--mask", type=options.INPUT_FILE, help="Soft solvent mask; default: a sphere of the diameter.")
@click.option(
    "--shift-range",
    type=click.FloatRange(min=0.1),
    default=20.0,
    show_default=True,
    help="Largest shift searched, angstroms.",
)
@click.option(
    "--iterations",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="At most this many; it stops by itself when nothing is gained.",
)
@options.seed
@options.plot
@options.standard
@job("refine homo")
def homo(
    run: Run, star: str, output: str, reference: str | None, lowpass: float, symmetry: str, diameter: float | None,
    mask: str | None, shift_range: float, iterations: int, plot: str | None,
) -> None:  # fmt: skip
    """Gold-standard refinement of one volume.

    Both halves of the particles start from one low-passed map and never meet again.  Orientations and shifts are
    searched over the whole asymmetric unit until they settle, then locally; the resolution in use follows the half
    maps' FSC.  DIR gets map.mrc (both halves, weighted by the FSC), half1.mrc, half2.mrc (unfiltered), mask.mrc and
    fsc.star; the table has the poses, and data_maps for the next job.
    """
    from spa.job.pool import mapping
    from spa.refine import loop
    from spa.refine.problem import Workers
    from spa_plugins.refine_homo import inputs, results

    tables = run.read(star)
    given = inputs.read(run, tables, reference, lowpass, symmetry, diameter, mask, shift_range, iterations)
    state = results.resumed(run, given.start)
    with mapping(run.threads) as pool:
        while not state.done:
            state = loop.iterated(given.problem, state, Workers(pool, run.threads))
            run.note(results.line(given.problem, state))
            results.checkpoint(run, state)
    run.write(results.written(run, given, state), output)
    if plot:
        results.draw(Path(plot), given.problem, state)
    run.summary(results.summary(given.problem, state))
