"""From a table with poses to the problem that the iterations solve."""

from dataclasses import dataclass

import numpy as np

from spa.class3d.consensus import residuals
from spa.class3d.loop import Problem
from spa.class3d.prior import prior
from spa.class3d.settings import Settings
from spa.io.star import Tables
from spa.job import room
from spa.job.run import Run
from spa.recipe import posed
from spa.recipe.posed import Given
from spa.refine.problem import Workers
from spa.volume.insert import accumulator_bytes

STARTS = {"pca": 20, "random": 3}
FEWEST = 10  # particles a class


@dataclass(frozen=True, kw_only=True)
class Asked(posed.Asked):
    """The options, as the user gave them; lengths in angstroms."""

    classes: int
    init: str
    start_resolution: float
    seeds: int | None
    similarity: float
    tau: float
    iterations: int


@dataclass(frozen=True, eq=False)
class Ready:
    """The problem; consensus: the map of all images (in the compact box), solvent: its mask."""

    given: Given
    problem: Problem
    consensus: np.ndarray
    solvent: np.ndarray


def read(run: Run, tables: Tables, asked: Asked) -> Given:
    """Everything read and checked; nothing computed but the images' coefficients and noise."""
    classes = asked.classes
    why = f"for --classes {classes} ({FEWEST} a class at least)"
    found = posed.opened(run, tables, asked, FEWEST * classes, why)
    shells, count = found.shells, len(found.stack)
    volumes = 3 * classes * accumulator_bytes(2 * shells + 8, shells)
    many, maps = f"{count} images in {shells} shells and {classes} maps", f"{classes} maps of {shells} shells"
    planes = room.coefficients(run, count, found.coefficients, volumes, many, maps)
    return posed.collected(run, asked, found, planes)


def prepared(run: Run, given: Given, workers: Workers) -> Ready:
    """The map of all images, its masks, and what it leaves of each image."""
    asked, images = given.asked, given.posed.images
    whole = posed.whole(run, given, workers)
    run.say(f"all particles: a map {whole.diameter:.0f} A across; classes in {(whole.region**2).mean():.1%} of the box")
    found, volume = residuals(given.posed, whole.consensus.volume * whole.sphere, given.noise, workers)
    width = images.band.box * images.pixel_size
    settings = Settings(
        asked.classes, int(np.clip(width / asked.start_resolution, 4, images.band.radius)), asked.iterations, run.seed,
        asked.similarity, asked.seeds or STARTS[asked.init], asked.init == "random",
    )  # fmt: skip
    strength = prior(volume, whole.sphere, whole.region, asked.tau)
    return Ready(given, Problem(found, np.arange(len(found)), strength, settings), volume, whole.solvent)
