"""The command: options in, tables and a stack out."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from spa.errors import UsageError
from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.io.star import Table
    from spa.simulate.specimen import Specimen
    from spa_plugins.simulate_particles.draws import Draws

BATCH = 64
SAMPLE = 128  # images that set the noise level


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
def particles(run: Run, output: str, count: int, snr: float, defocus: tuple[float, float], astigmatism: float,
              voltage: float, cs: float, amplitude_contrast: float, shift: float, bfactor: float, optics_groups: int,
              per_micrograph: int, odd_subunit: str | None, micelle: tuple[float, float] | None,
              micelle_contrast: float, defocus_error: float, ewald: str, **settings: Any) -> None:  # fmt: skip
    """Particle images with known truth.

    Projects a map, the atoms of a model, or a made-up protein of any point group at random poses, applies CTF and
    white noise. DIR gets particles.mrcs, particles.star (as a user has it: no poses), truth.star (RELION's poses,
    origins, half-sets) and truth.mrc, scaled so that an image is its projection plus noise of unit variance in the
    mean; with --odd-subunit also odd.mrc, the soft mask of that subunit; with --broken, truth.star says what share of
    its density each particle lacks. The table printed is particles.star. The detergent of --micelle is no part of the
    truth, nor of the signal in --snr.

    Aberrations and errors of the defocus are in the images and in truth.star; particles.star does not know of them.
    """
    import numpy as np

    from spa.image.ctf import Lens
    from spa.io import mrc
    from spa.job import pool
    from spa.recipe import specimen as asked
    from spa.simulate.micelle import belt
    from spa.simulate.particles import noise_level
    from spa_plugins.simulate_particles.draws import drawn, tables_of
    from spa_plugins.simulate_particles.imaging import Imaging
    from spa_plugins.simulate_particles.planted import Planted

    if micelle and micelle[0] >= micelle[1]:
        raise UsageError(f"--micelle {micelle[0]:g} {micelle[1]:g}: the lower height comes first")
    assert run.outdir is not None
    wanted = asked.Asked.of(settings)
    specimen = asked.made(run, wanted)
    if odd_subunit:
        specimen = _odd(run, specimen, wanted.symmetry, odd_subunit)
    side, pixel = len(specimen.volume), specimen.pixel_size
    planted = Planted.of(settings)
    lens = Lens(voltage, cs + planted.cs_error, amplitude_contrast)
    forms = specimen.drawn(count, run.rng("forms"))
    draws = drawn(count, optics_groups, per_micrograph, defocus, astigmatism, shift, run.rng("draws"), forms,
                  defocus_error)  # fmt: skip
    tilts = planted.tilts(optics_groups, run.rng("beam tilt"))

    seen = Imaging(specimen, draws, lens, planted.aberrations(tilts, lens), side, pixel, bfactor,
                   {"none": 0, "positive": 1, "negative": -1}[ewald])  # fmt: skip
    whole = replace(seen, draws=replace(draws, form=np.zeros(count, int)))
    sigma = noise_level(whole.clean(np.arange(min(count, SAMPLE))), specimen.diameter / pixel, snr)
    around = belt(specimen.volume, pixel, *micelle, micelle_contrast) if micelle else None

    def made(rows: np.ndarray) -> np.ndarray:
        return noisy(run, draws, rows, seen.clean(rows, around, lambda row: run.rng("micelle", row)) / sigma)

    stack = run.outdir / "particles.mrcs"
    with mrc.StackWriter(stack, count, side, pixel) as writer:
        work = pool.ordered(_batches(count), made, run.threads, run.checkpoint)
        for _, images in run.progress(work, total=-(-count // BATCH), unit="batch"):
            writer.write(images())
    mrc.write(run.outdir / "truth.mrc", specimen.volume / np.float32(sigma), pixel)
    optics = asked.optics(Lens(voltage, cs, amplitude_contrast), pixel, optics_groups, rlnImagePixelSize=pixel,
                          rlnImageSize=side, rlnImageDimensionality=2, rlnCtfDataAreCtfPremultiplied=0)  # fmt: skip
    true = optics.with_columns(rlnSphericalAberration=np.full(optics_groups, lens.cs), **planted.columns(tilts))
    blind, truth = tables_of(draws, stack, planted.matrix())
    truth |= {"spaMissing": specimen.missing(forms)} if specimen.broken else {}
    _write_tables(run, output, optics, true, blind, truth)
    run.summary(f"{count} images of {side} px at {pixel:g} A, a specimen {specimen.diameter:.0f} A across, SNR {snr:g}")


def _odd(run: Run, specimen: Specimen, symmetry: str, kind: str) -> Specimen:
    """The specimen with one subunit changed: the mask of that goes to DIR/odd.mrc."""
    from spa.io import mrc
    from spa.simulate.odd import with_odd_unit
    from spa.volume.symmetry import operators

    if specimen.broken:
        raise UsageError("--broken and --odd-subunit: give one of them")
    if run.outdir is None or len(operators(symmetry)) == 1:
        raise UsageError(f"--odd-subunit: with --symmetry {symmetry} there is one subunit alone")
    specimen, mask = with_odd_unit(specimen, operators(symmetry), kind)
    mrc.write(run.outdir / "odd.mrc", mask, specimen.pixel_size)
    return specimen


def _write_tables(
    run: Run, output: str, optics: Table, true: Table, blind: dict[str, Any], truth: dict[str, Any]
) -> None:
    """truth.star with all that is known; particles.star and the output as a user has them."""
    from spa.io.star import Table, Tables

    assert run.outdir is not None
    run.write(Tables({"optics": true, "particles": Table.of(**truth)}), run.outdir / "truth.star")
    for target in (run.outdir / "particles.star", output):
        run.write(Tables({"optics": optics, "particles": Table.of(**blind)}), target)


def noisy(run: Run, draws: Draws, rows: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Images with white noise of each group's level; each image draws from its own generator."""
    import numpy as np

    for image, row in zip(images, rows):
        image += draws.noise[row] * run.rng("noise", int(row)).standard_normal(image.shape, np.float32)
    return images


def _batches(count: int) -> list[np.ndarray]:
    import numpy as np

    rows = iter(range(count))
    return [np.array(batch) for batch in iter(lambda: list(islice(rows, BATCH)), [])]
