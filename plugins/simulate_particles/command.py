"""The command: options in, tables and a stack out."""

from __future__ import annotations

from typing import Any

import click

from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.specimen
@click.option("--n", "count", default=1000, show_default=True, type=click.IntRange(min=1), help="How many images.")
@click.option("--snr", default=0.1, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="Variance of the signal over that of the noise, within the particle's circle.")
@options.microscope(most=25000)
@click.option("--shift", default=5.0, show_default=True, type=click.FloatRange(min=0),
              help="Standard deviation of the particle's offset in x and in y, angstroms.")
@click.option("--bfactor", default=0.0, show_default=True, type=click.FloatRange(0, 10000),
              help="Envelope of the images, square angstroms.")
@click.option("--optics-groups", default=1, show_default=True, type=click.IntRange(min=1),
              help="Optics groups, each with its own noise level (within a quarter of the mean).")
@click.option("--per-micrograph", default=50, show_default=True, type=click.IntRange(min=1),
              help="Images that share a micrograph, and its defocus to 100 angstroms.")
@click.option("--defocus-error", default=0.0, show_default=True, type=click.FloatRange(min=0),
              help="The defocus in the user's table is wrong, by up to this either way, angstroms.")
@click.option("--beam-tilt", nargs=2, default=(0.0, 0.0), show_default=True, type=click.FloatRange(-50, 50),
              metavar="X Y", help="Beam tilt, milliradians.")
@click.option("--beam-tilt-spread", default=0.0, show_default=True, type=click.FloatRange(0, 50),
              help="Standard deviation of the optics groups' beam tilts about it, milliradians.")
@click.option("--odd-zernike", nargs=2, multiple=True, type=(int, float), metavar="TERM RADIANS",
              help="Add an antisymmetric aberration: the place of its coefficient in rlnOddZernike (from 0: 2 and 5 "
                   "are trefoil), and the coefficient.")
@click.option("--even-zernike", nargs=2, multiple=True, type=(int, float), metavar="TERM RADIANS",
              help="Add a symmetric aberration: the place of its coefficient in rlnEvenZernike (from 0: 4 and 8 are "
                   "tetrafoil), and the coefficient.")
@click.option("--cs-error", default=0.0, show_default=True, type=click.FloatRange(-50, 50),
              help="Of the images' spherical aberration, this is not in the user's table, mm.")
@click.option("--magnification", nargs=2, default=(0.0, 0.0), show_default=True, type=float, metavar="PERCENT ANGLE",
              help="Anisotropic magnification: how far it differs between two directions at right angles, and "
                   "the angle of the one with the higher frequencies, degrees.")
@click.option("--ewald", type=click.Choice(["none", "positive", "negative"]), default="none", show_default=True,
              help="Images lie on the Ewald sphere: density at larger heights, towards the third axis of a pose, is at "
                   "a larger (positive) or smaller defocus.")
@click.option("--odd-subunit", type=click.Choice(["missing", "weak", "turned"]),
              help="Change one subunit of the symmetric specimen: no density, half of it, or turned about its middle.")
@click.option("--micelle", nargs=2, type=float, metavar="LOW HIGH",
              help="A belt of detergent, strewn anew for each particle, from height LOW to HIGH: z in angstroms from "
                   "the box centre.")
@click.option("--micelle-contrast", default=0.5, show_default=True, type=click.FloatRange(0, 10),
              help="Mean density of the belt over that of the specimen.")
@job("simulate particles")
def particles(run: Run, output: str, **settings: Any) -> None:
    """Particle images with known truth.

    Projects a map, the atoms of a model, or a made-up protein of any point group at random poses, applies CTF and
    white noise. DIR gets particles.mrcs, particles.star (as a user has it: no poses), truth.star (RELION's poses,
    origins, half-sets) and truth.mrc, scaled so that an image is its projection plus noise of unit variance in the
    mean; with --odd-subunit also odd.mrc, the soft mask of that subunit; with --broken, truth.star says what share of
    its density each particle lacks. The table printed is particles.star. The detergent of --micelle is no part of the
    truth, nor of the signal in --snr.

    Aberrations and errors of the defocus are in the images and in truth.star; particles.star does not know of them.
    """
    from spa_plugins.simulate_particles import results, session

    call.go_with("micelle", "micelle_contrast")
    found = session.session(run, session.Wanted.of(settings))
    results.write_images(run, found)
    results.write_tables(run, found, output)
    run.summary(found.words())
