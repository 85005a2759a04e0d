"""From a table with poses to the problem that the iterations solve."""

from dataclasses import dataclass

import numpy as np

from spa.class3d.prior import prior
from spa.errors import DataError, UsageError
from spa.io.star import Tables
from spa.job.run import Run
from spa.recipe import varying
from spa.recipe.posed import Given
from spa.refine.problem import Workers
from spa.vary import normal
from spa.vary.components import SPARE, Problem, Settings

FEWEST = 25  # particles a component


@dataclass(frozen=True, kw_only=True)
class Asked(varying.Band):
    """The options, as the user gave them; lengths in angstroms."""

    components: int
    method: str
    lowpass: float | None
    start_resolution: float
    tau: float
    no_contrast: bool
    iterations: int
    clusters: int | None
    clustering: str
    frames: int
    shuffles: int


def read(run: Run, tables: Tables, asked: Asked) -> Given:
    """Images and poses; enough of them for the components that are asked for."""
    if asked.lowpass and asked.lowpass < asked.max_resolution:
        raise UsageError(f"--lowpass {asked.lowpass:g} is finer than --max-resolution {asked.max_resolution:g}, "
                         "beyond which components have nothing")  # fmt: skip
    count = asked.components + 1
    given = varying.read(run, tables, asked, normal.channels(count) + 2 * count + 6)
    if len(given.rows) < FEWEST * asked.components:
        raise DataError(f"{given.where}: {len(given.rows)} particles are too few for --components {asked.components} "
                        f"({FEWEST} each at least)")  # fmt: skip
    if asked.lowpass and given.posed.images.shell_of(asked.lowpass) < 2:
        raise UsageError(f"--lowpass {asked.lowpass:g}: nothing of the components is left in this box")
    return given


def problem(run: Run, given: Given, workers: Workers) -> Problem:
    """The views, what the consensus is, and how strong what varies may be."""
    asked, images = given.asked, given.posed.images
    ready = varying.prepared(run, given, asked.no_contrast, workers)
    width = images.band.box * images.pixel_size
    settings = Settings(
        asked.components, asked.method,
        int(np.clip(width / asked.start_resolution, 4, images.band.radius)), asked.iterations, run.seed,
        finest=images.shell_of(asked.lowpass) if asked.lowpass else None,
    )  # fmt: skip
    strength = prior(ready.consensus, ready.sphere, ready.region, asked.tau)
    run.say(f"{SPARE} directions more than components are looked for at first")
    return Problem(ready.views, ready.contrast, ready.consensus, ready.sphere, ready.curve, strength, settings)
