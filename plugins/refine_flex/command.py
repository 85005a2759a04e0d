"""Options in, training with a checkpoint after each epoch, a sharper density, latents and the motion out."""

from pathlib import Path
from typing import Any

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--latent", type=click.IntRange(1, 8), default=2, show_default=True,
              help="How many coordinates a motion has.")  # fmt: skip
@click.option("--mask", type=options.INPUT_FILE, show_default="made of that map",
              help="Soft mask of what bends; elsewhere all are the map of all particles.")
@click.option("--diameter", type=click.FloatRange(min=1), show_default="measured on the map of all particles",
              help="Of the particle, angstroms.")
@click.option("--mesh", "across", type=click.IntRange(4, 60), default=20, show_default=True,
              help="Cubes of the mesh along the longest side of the mask.")  # fmt: skip
@click.option("--rigidity", type=click.FloatRange(min=0, max=1e6), default=2.0, show_default=True,
              help="What a strain of 1 everywhere costs a particle, over what its map explains of it: more is "
                   "stiffer.")  # fmt: skip
@click.option("--train-resolution", type=click.FloatRange(min=1), default=10.0, show_default=True,
              help="Finest detail that motions are found by, angstroms.")  # fmt: skip
@click.option("--start-resolution", type=click.FloatRange(min=1), default=20.0, show_default=True,
              help="Finest detail of the first epochs, angstroms.")  # fmt: skip
@click.option("--max-resolution", type=click.FloatRange(min=1), default=1.0, show_default="all there is",
              help="Finest detail of the density at the end, angstroms.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(min=1), default=30, show_default=True,
              help="How many times each particle is looked at; the last third at --train-resolution.")  # fmt: skip
@click.option("--iterations", type=click.IntRange(min=1), default=8, show_default=True,
              help="Iterations of the density at the end.")  # fmt: skip
@click.option("--no-contrast", is_flag=True, help="All particles have one grey scale.")
@click.option("--frames", type=click.IntRange(2, 200), default=9, show_default=True,
              help="Volumes along each coordinate, between the 3 % and the 97 % quantile.")  # fmt: skip
@options.seed
@options.plot
@options.standard
@job("refine flex", devices="one")
def flex(run: Run, star: str, output: str, plot: str | None, **settings: Any) -> None:
    """One density, and how it bends in each particle.

    No alignment: poses are those of the table.  A mesh of tetrahedra lies over the mask; a small network makes moves of
    its vertices of a particle's coordinates, and the density goes with them (Punjani & Fleet 2023).  What bends a
    tetrahedron costs, by the density in it.  Coordinates start from those of the table (vary linear), or from linear
    components found here.  From there and from the map of all particles each half-set goes on by itself, with a
    network, coordinates and density of its own: how far both halves' motions of a particle agree is their error bar,
    and what one half's motions explain of the other half's particles tells whether anything moves.  At the end each
    half's density is solved at the particles' full detail with the motions undone.

    DIR gets map.mrc, half maps, FSC and mask.mrc of the density where it rests, rigid.mrc (the map if nothing moved),
    motion.mrc and motion_error.mrc (how far each voxel moves, and how far halves disagree on it, angstroms), and the
    density in motion along each coordinate (series01_001.mrc ...) and, where halves agree in several, along the curve
    through all particles in these (path_001.mrc ...).  The table has _spaLatent1 ... and _spaLatentPath as vary linear
    writes them, data_components, data_series and data_maps.

    On a CUDA device projections of the density, and what images say of it, are made there; all else is the
    processor's.

    \b
    Examples:
      spa vary linear r.star --components 2 -d V | spa refine flex -d F --plot flex.png > flex.star
      spa refine flex r.star --latent 1 --mask body.mrc --rigidity 5 -d F | spa export chimerax -d Movie > m.star
    """
    from spa.job.pool import mapping
    from spa.recipe.device import device_of
    from spa.recipe.iterations import course
    from spa.refine.problem import Workers
    from spa_plugins.refine_flex import inputs, results, training

    device = device_of(run)
    given = inputs.read(run, run.read(star), inputs.asked(settings))
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads)
        problem = inputs.problem(run, given, workers, device)
        state = course(
            run, training.State, lambda one: len(one.z) == len(problem.views),
            first=lambda: training.first_state(problem, inputs.start(run, given, problem, workers)),
            step=lambda one: training.trained(problem, one, workers),
            line=results.line, done=lambda one: one.iteration >= problem.settings.epochs,
        )  # fmt: skip
        found = results.found(run, given, problem, state, workers)
    run.write(results.written(run, found), output)
    if plot:
        results.draw(Path(plot), found)
    if doubt := results.doubt(found):
        run.warn(doubt)
    run.summary(results.summary(found))
