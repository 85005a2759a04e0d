"""What images are seen through: their CTF, its absolute value, or nothing; and how far filtered ones hold anything."""

from dataclasses import replace

import numpy as np

from spa.errors import DataError
from spa.image.disc import coefficients, disc, shell_mean
from spa.io.star import Tables
from spa.job.particles import ParticleSet, open_particles, require_images
from spa.job.run import Run
from spa.refine import data

_SAMPLE = 256  # images whose power is looked at
_LEAST = 0.01  # of the coarse noise's power


def opened(run: Run, tables: Tables, ctf: str) -> ParticleSet:
    """The particles of a table, as images are seen (`job.options.seen_through`). DataError: no defocus, but needed."""
    require_images(tables)
    if ctf != "none" and "rlnDefocusU" not in tables["particles"]:
        where = tables["particles"].where
        raise DataError(f"{where} has no column rlnDefocusU; --ctf none takes images as they are")
    return open_particles(run, tables, ctf != "none")


def through(images: data.Images, ctf: str) -> data.Images:
    """Images as they are seen: "full": as they are; "flipped": multiplied by their CTF's sign, in place, which undoes
    the flip of their phases; "none": with a CTF that is 1 everywhere."""
    if ctf == "flipped":
        for rows in data.blocks_of(np.arange(len(images))):
            images.planes[rows] *= np.sign(images.ctf(rows, len(images.band)))[:, None]
    if ctf != "none":
        return images
    chi = np.zeros_like(images.chi)
    chi[:, -1] = np.pi / 2  # the constant term: the CTF is the sine
    return replace(images, chi=chi, bfactor=np.zeros_like(images.bfactor), even=None)


def held(run: Run, stack: ParticleSet, first: int, limit: int, diameter: float) -> int:
    """The last shell, limit at most, in which images have power worth the name; diameter in angstroms. Says so.

    Noise is nearly white: where all power is less than a hundredth of that of the noise at shell ``first``, images were
    filtered or denoised, and what their finest detail has in common are the edges of their boxes.
    """
    rows = np.unique(np.linspace(0, len(stack) - 1, _SAMPLE).round().astype(int))
    _, pixels, _ = stack.usable(rows)
    if not len(pixels):
        return limit
    band = disc(stack.box, limit)
    part = coefficients(pixels, band)
    power = np.median(shell_mean(part[:, 0] ** 2 + part[:, 1] ** 2, band), axis=0)
    circle = min(diameter / 2 / stack.pixel_size, 0.45 * stack.box)
    noise = np.median(data.background_power(pixels, band, circle), axis=0)
    strong = np.flatnonzero(power >= _LEAST * noise[first])
    found = int(min(limit, max(first, strong[-1])))
    if found < limit:
        width = stack.box * stack.pixel_size
        run.warn(f"images hold nothing finer than {width / found:.1f} A (filtered or denoised), and no more is used")
    return found
