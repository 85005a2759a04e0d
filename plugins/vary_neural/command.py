"""Options in, epochs with a checkpoint after each, latents, volumes and a model out."""

from pathlib import Path
from typing import Any

import click

from spa.errors import DeviceError
from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--latent", type=click.IntRange(1, 16), default=4, show_default=True, help="Coordinates of a particle.")
@click.option("--epochs", type=click.IntRange(1, 1000), show_default="15, or more until 2000 steps are done",
              help="Passes over the particles, steps of 64.")  # fmt: skip
@click.option("--abinit", is_flag=True, help="Find poses too, from nothing; --diameter is needed.")
@click.option("--rounds", type=click.IntRange(0, 20), default=2, show_default=True,
              help="Of --abinit: searches of poses, at most, in volumes learned at the last ones.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True,
              help="Of --abinit: starts; the one that makes unseen images most likely goes on.")  # fmt: skip
@options.variable
@click.option("--start-resolution", type=click.FloatRange(min=1), default=20.0, show_default=True,
              help="Finest detail of the start, angstroms.")
@click.option("--maps", type=click.IntRange(2, 256), default=24, show_default=True,
              help="Maps of the field in training, which the latents combine.")  # fmt: skip
@click.option("--width", type=click.IntRange(32, 2048), default=128, show_default=True,
              help="Of the field's layers, a multiple of 2.")  # fmt: skip
@click.option("--layers", type=click.IntRange(1, 8), default=3, show_default=True, help="Of the field.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True, max=0.1), default=0.002, show_default=True,
              help="Learning rate at its highest.")  # fmt: skip
@click.option("--beta", type=click.FloatRange(min=0), default=1.0, show_default=True,
              help="Weight of the latents' prior; 1 is the bound of the likelihood.")  # fmt: skip
@click.option("--clusters", type=click.IntRange(2, 100), help="Sort the latents into so many clusters.")
@click.option("--frames", type=click.IntRange(2, 200), default=9, show_default=True,
              help="Volumes along each latent, between the 3 % and the 97 % quantile.")
@click.option("--shuffles", type=click.IntRange(0, 20), default=1, show_default=True,
              help="How many times particles are shuffled to learn what chance gives.")
@options.seed
@options.plot
@options.standard
@job("vary neural", devices="one")
def neural(run: Run, star: str, output: str, plot: str | None, **settings: Any) -> None:
    """A neural latent space of particles.

    A field over Fourier space learns maps and a small network how a few coordinates combine them, however bent their
    way is; an encoder tells each particle's coordinates from what a linear start shows of it (the class of cryoDRGN,
    Zhong et al. 2021).  Coordinates are then carried to the top of their own likelihood, in the whole band, in
    turns with maps that are solved anew from all coefficients by least squares, each half its own: from where the
    training ended, or from its start if that explains particles that did not teach better.  They are stretched until
    images change evenly along them, and written with errors and covariances (_spaLatent1 ..., the most seen first), and
    with the place on the curve through all (_spaLatentPath), as vary linear does, so that select latent and vary
    volumes go on from here.
    Poses are those of the table, or with --abinit found here: a map from nothing (as abinit model) gives the first,
    and in each round the decoder learns at the last ones for a part of its epochs, whereupon every particle is searched
    in all orientations in volumes of six kinds that it shows, as far as halves agree (cryoDRGN2: Zhong et al. 2021;
    DRGN-AI: Levy et al. 2024).  The hand cannot be told.
    A tenth of the particles does not teach: what the latents gain on them, against particles with each other's
    residuals, tells whether anything varies.  DIR gets mean.mrc, mask.mrc, frames along each latent
    (series01_001.mrc ...) and, of several, along the curve (path_001.mrc ...), the middle of each cluster
    (cluster01.mrc ...) and model.npz, which vary volumes --model decodes anywhere.  With --device cuda the networks are
    trained there, everything else is done on the processor.

    \b
    Examples:
      spa refine homo p.star -d R | spa vary neural --plot latents.png -d V > latents.star
      spa vary neural particles.star --abinit --diameter 280 -d V > latents.star
      spa vary neural r.star --latent 2 --clusters 4 -d V | spa vary volumes --centres -d K > volumes.star
    """
    call.go_with("abinit", "rounds", "seeds")
    try:
        import torch  # noqa: F401
    except ImportError:
        raise DeviceError("vary neural needs torch: pip install 'spa[neural]'") from None
    from spa_plugins.vary_neural.course import learned
    from spa_plugins.vary_neural.results import doubt, draw, summary, written

    found = learned(run, run.read(star), settings)
    run.write(written(run, found), output)
    if plot:
        draw(Path(plot), found)
    if said := doubt(found):
        run.warn(said)
    run.summary(summary(found))
