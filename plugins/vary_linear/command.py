"""Options in, iterations with a checkpoint after each, latents and volumes out."""

from pathlib import Path
from typing import Any

import click

from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--components", type=click.IntRange(1, 20), default=3, show_default=True, help="How many.")
@click.option("--method", type=click.Choice(["em", "covariance", "pieces"]), default="em", show_default=True,
              help="Start by expectation and maximisation from random latents, or from columns of the volumes' "
                   "covariance; or kinds of particles that differ by pieces of the map: for rare ones.")  # fmt: skip
@options.variable
@click.option("--lowpass", type=click.FloatRange(min=1), show_default="as far as their halves agree",
              help="Finest detail of the components, angstroms.")
@click.option("--start-resolution", type=click.FloatRange(min=1), default=20.0, show_default=True,
              help="Finest detail of the start, angstroms.")
@click.option("--tau", type=click.FloatRange(1e-4, 100), default=0.05, show_default=True,
              help="Power of what varies, over that of the map: less makes components smoother.")
@click.option("--no-contrast", is_flag=True, help="All particles have one grey scale.")
@click.option("--iterations", type=click.IntRange(min=0), default=8, show_default=True,
              help="In the whole band, at most; it stops by itself when components have settled.")
@click.option("--clusters", type=click.IntRange(2, 100), help="Sort the latents into so many clusters.")
@click.option("--clustering", type=click.Choice(["mixture", "kmeans"]), default="mixture", show_default=True,
              help="Of --clusters: normal distributions seen through each particle's error bar, or k-means.")
@click.option("--frames", type=click.IntRange(2, 200), default=9, show_default=True,
              help="Volumes along each component, between the 3 % and the 97 % quantile.")
@click.option("--shuffles", type=click.IntRange(0, 20), default=1, show_default=True,
              help="How many times particles are shuffled to learn what chance gives.")
@options.seed
@options.plot
@options.standard
@job("vary linear")
def linear(run: Run, star: str, output: str, plot: str | None, **settings: Any) -> None:
    """Principal components of how particles with known poses differ.

    No alignment: poses are those of the table (of refine homo, or after symmetry expand).  Each half-set finds its
    components by itself; they are weighted by how far halves agree, and each particle gets its coordinates
    (_spaLatent1 ..., in standard deviations), their errors and covariances, with its grey scale integrated over.  A
    large motion bends through several components, and none of them orders particles: that is their place
    (_spaLatentPath, 0 to 1, and its error) on the curve that leads through the crowd of all.
    Whether anything varies is told by what one half's components explain of the other half's particles, against
    particles whose residuals are shuffled; and each of 24 pieces of the map is tried for coming and going
    (data_pieces), which tells kinds too rare for components to be learnt: --method pieces is for those.  DIR gets
    mean.mrc, component01.mrc ... and frames along each (series01_001.mrc ...) and along the curve (path_001.mrc
    ...), half maps and FSC, and mask.mrc; the table has data_components, data_series and data_maps.

    \b
    Examples:
      spa refine homo p.star -d R | spa vary linear --plot latents.png -d V > latents.star
      spa vary linear r.star --components 6 --focus-mask arm.mrc --max-resolution 8 --clusters 4 -d V > latents.star
      spa star filter 'spaLatent1 > 0.5 and spaLatentError1 < 0.4' latents.star | spa refine homo -d Open
    """
    from spa.job.pool import mapping
    from spa.recipe.iterations import course
    from spa.refine.problem import Workers
    from spa.vary import components
    from spa_plugins.vary_linear import inputs, results

    call.go_with("clusters", "clustering")
    given = inputs.read(run, run.read(star), inputs.Asked.of(settings))
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads)
        problem = inputs.problem(run, given, workers)
        state = course(
            run, components.State, lambda one: one.images == len(problem.views),
            first=lambda: components.first_state(problem, workers),
            step=lambda one: components.iterated(problem, one, workers),
            line=results.line, done=lambda one: one.done,
        )  # fmt: skip
        found = results.found(run, given, problem, state, workers)
    run.write(results.written(run, found), output)
    if plot:
        results.draw(Path(plot), found)
    if doubt := results.doubt(found):
        run.warn(doubt)
    run.summary(results.summary(found))
