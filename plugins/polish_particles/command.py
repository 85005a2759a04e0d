"""The command: refined particles and their movies' motion in, the same particles summed along their own tracks out."""

from typing import Any

import click

from spa.errors import UsageError
from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.plot
@options.comparison
@click.option("--micrographs", type=options.INPUT_FILE, show_default="the stream's",
              help="Micrographs with the files of their motion (rlnMicrographMetadata).")
@click.option("--box", type=click.IntRange(min=8), metavar="PX", show_default="as wide as now",
              help="Side of the box in pixels of the movie; even.")
@options.crop("as now, or not cropped with --box")
@click.option("--pixel-size", type=click.FloatRange(min=0, min_open=True), metavar="A", show_default="as now",
              help="Make images of this pixel size, angstroms, whatever their movies have; in the place of --box.")
@click.option("--train", default=2000, show_default=True, type=click.IntRange(min=0),
              help="Particles from which the prior's parameters are learnt, starting from those below; 0: as they are.")
@click.option("--sigma-velocity", default=0.2, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="Speed of particles beside the motion that is known, angstroms for each e per square angstrom.")
@click.option("--sigma-divergence", default=2000.0, show_default=True, type=click.FloatRange(min=1),
              help="Distance over which particles move alike, angstroms.")
@click.option("--sigma-acceleration", default=0.3, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="How much the speed changes from frame to frame, in units of --sigma-velocity.")
@click.option("--slowing", default=0.5, show_default=True, type=click.FloatRange(0, 3),
              help="How fast motion calms: it goes as (2 + dose) to minus this; speeds are those at 10 e per square "
                   "angstrom.")
@click.option("--sigma-place", default=0.5, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="How far a particle's mean place may be from where its pose has it, angstroms.")
@click.option("--reach", default=10.0, show_default=True, type=click.FloatRange(min=1),
              help="How far from the motion that is known a particle is looked for, angstroms.")
@click.option("--weights", type=click.Choice(["data", "dose", "none"]), default="data", show_default=True,
              help="Frames are weighed by what they are found to show, by the curve of radiation damage, or all alike.")
@options.background
@options.float16
@job("polish particles")
def particles(run: Run, star: str, output: str, plot: str | None, micrographs: str | None, box: int | None,
              crop: int | None, pixel_size: float | None, train: int, sigma_velocity: float, sigma_divergence: float,
              sigma_acceleration: float, slowing: float, sigma_place: float, reach: float, weights: str,
              background: float, float16: bool,
              **settings: Any) -> None:  # fmt: skip
    """Follow each particle through its movie, and sum it anew (Bayesian polishing).

    In every frame a particle is compared with the map of its own half-set at its pose. Its track departs from the
    motion that is known (the file of spa motion patch or of RELION beside each micrograph) as far as the movie says and
    a Gaussian process allows: neighbours move alike, speeds change smoothly, and motion calms with the dose. The
    process's parameters are learnt from some movies: tracks found on coarse detail are judged by fine detail. Then each
    frame gets a scale and a B-factor from how well it agrees with the map, and particles are summed along their tracks
    with these weights. DIR gets a stack for each micrograph, tracks/ (RELION's STAR: angstroms from the particle's
    place in the first frame), bfactors.star and prior.star. Half-sets, poses and all other columns are kept; boxes are
    centred on the particles.

    \b
    Example:
      spa refine nu defocused.star -d Refine |
        spa polish particles - --micrographs Motion/micrographs.star -d Polish |
        spa refine nu - -d Shiny > shiny.star
    """
    from spa.io import star as star_files
    from spa.polish.tracks import Prior
    from spa.recipe import optics
    from spa_plugins.polish_particles import session
    from spa_plugins.polish_particles.inputs import Settings

    for name, value in (("--box", box), ("--crop", crop)):
        if value and value % 2:
            raise UsageError(f"{name} {value}: an even number of pixels is needed")
    prior = Prior(sigma_velocity, sigma_divergence, sigma_acceleration, slowing, sigma_place)
    wanted = Settings(box, crop, pixel_size, train, prior, reach, weights, background, float16)
    tables = run.read(star)
    beside = star_files.read(run.input(micrographs)) if micrographs else tables
    given = optics.read(run, tables, optics.Asked.of(settings))
    made = session.polished(run, given, beside, wanted)
    if plot:
        draw(made, plot)
    run.write(made.tables, output)


def draw(made: Any, path: str) -> None:
    """Tracks, and what each frame is worth."""
    from spa.plot import figure, polish

    figure.save(polish.overview(*made.panels), path)
