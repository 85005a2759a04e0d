"""Particles that vary at fixed poses: from a table to centred views, their consensus and its masks."""

from dataclasses import dataclass

import numpy as np

from spa.errors import UsageError
from spa.io.star import Tables
from spa.job import room
from spa.job.run import Run
from spa.recipe import posed
from spa.refine.problem import Workers
from spa.vary.views import Contrast, Views, centred

FEWEST = 50  # particles


@dataclass(frozen=True, kw_only=True)
class Band(posed.Asked):
    """The options of `spa.job.options.variable`, as the user gave them; lengths in angstroms."""

    min_resolution: float | None


@dataclass(frozen=True, eq=False)
class Ready:
    """In the compact box: views; the consensus (n, n, n) in the images' grey scale within its sphere, its FSC; the
    sphere, the solvent mask, and the region of what may vary; how much images' grey scales differ."""

    views: Views
    consensus: np.ndarray
    curve: np.ndarray
    sphere: np.ndarray
    solvent: np.ndarray
    region: np.ndarray
    contrast: Contrast


def read(run: Run, tables: Tables, band: Band, rest: int = 0) -> posed.Given:
    """Everything read and checked; nothing computed but the images' coefficients and noise.

    rest: floats at a point of the oversampled grid that the job will need besides.
    """
    found = posed.opened(run, tables, band, FEWEST, f"({FEWEST} at least)")
    shells, width = found.shells, found.stack.box * found.stack.pixel_size
    if band.min_resolution and width / band.min_resolution >= shells - 2:
        raise UsageError(f"--min-resolution {band.min_resolution:g}: nothing is left down to {band.max_resolution:g} A")
    points = (4 * (shells + 2)) ** 2 * 2 * (shells + 2)
    count = len(found.stack)
    everything = f"{count} images in {shells} shells and the equations of their maps"
    planes = room.coefficients(
        run, count, found.coefficients, 4 * rest * points, everything, f"equations of {rest} floats a grid point"
    )
    return posed.collected(run, band, found, planes)


def prepared(run: Run, given: posed.Given, even: bool, workers: Workers) -> Ready:
    """The map of all images and its masks; even: all images have one grey scale."""
    images, least = given.posed.images, given.asked.min_resolution
    found = posed.whole(run, given, workers)
    run.say(f"all particles: a map {found.diameter:.0f} A across; {(found.region**2).mean():.1%} of the box may vary")
    first = int(np.ceil(images.band.box * images.pixel_size / least)) if least else 1
    inside = found.consensus.volume * found.sphere
    views, volume, contrast = centred(given.posed, inside, given.noise, first, even, workers)
    return Ready(views, volume, found.consensus.curve, found.sphere, found.solvent, found.region, contrast)
