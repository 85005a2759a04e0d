"""The command: it reads, calls, writes. What is heavy is imported when the job runs, so that --help stays fast."""

import click

from spa.job import options
from spa.job.run import job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@click.option("--diameter", type=float, required=True, help="Diameter of a particle, angstroms.")
@click.option(
    "--threshold", default=4.0, show_default=True, help="Least score, in standard deviations of the background."
)
@job("pick sample")
def sample(run, star, output, diameter, threshold):
    """Pick dark spots of one size.

    Finds the maxima of a difference of two Gaussians, no two nearer than half a diameter.
    """
    from spa.job import micrographs
    from spa_pick_sample.spots import spots

    tables = run.read(star)
    picked = micrographs.picks(run, tables, lambda m: spots(m.data, diameter / m.pixel_size, threshold))
    run.write(picked, output)
