"""From a table to the low band of its images."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from spa.abinit.compact import compact
from spa.abinit.plan import Settings, small_batch
from spa.errors import DataError, UsageError
from spa.io.star import Tables
from spa.job import memory
from spa.job.particles import ParticleSet, half_sets
from spa.job.run import Run
from spa.recipe import seen
from spa.recipe.widths import require_diameter
from spa.refine import data
from spa.refine.data import Images
from spa.volume.symmetry import canonical, operators

AUTO = "auto"
FEWEST = 50  # images
SHELLS = 24  # in use at most
BATCH = 400  # images a step for one class


@dataclass(frozen=True, eq=False)
class Given:
    """rows: those of the stack whose images could be read; images and noise of just these, in a small box, each moved
    by its centre (n, 2), pixels of that box: where the table has its particle."""

    stack: ParticleSet
    rows: np.ndarray
    images: Images
    noise: np.ndarray
    settings: Settings
    symmetry: str
    auto: bool
    centres: np.ndarray


def read(
    run: Run, tables: Tables, classes: int, symmetry: str, diameter: float, max_resolution: float,
    shift_range: float | None, junk: bool = False, ctf: str = "full",
) -> Given:  # fmt: skip
    """Everything read and checked: coefficients up to the last shell in use, noise from around the particles.

    ctf: what the images are seen through (`recipe.seen`).
    """
    auto = symmetry.strip().lower() == AUTO
    name = "C1" if auto else canonical(symmetry)
    stack = seen.opened(run, tables, ctf)
    where, width = stack.tables["particles"].where, stack.box * stack.pixel_size
    _require_enough(where, len(stack))
    require_diameter(diameter, width)
    if shift_range is not None and shift_range > width / 2:
        raise UsageError(f"--shift-range {shift_range:g}: the box is {width:g} A wide; half of it at most")
    if max_resolution < 2 * stack.pixel_size:
        raise UsageError(f"--max-resolution {max_resolution:g}: the images end at {2 * stack.pixel_size:g} A")
    shells = int(np.clip(round(width / max_resolution), 4, min(SHELLS, stack.box // 2 - 1)))
    shells = seen.held(run, stack, min(shells, max(4, round(4 * width / diameter))), shells, diameter)
    memory.require(3 * data.planes_bytes(len(stack), stack.box, shells), f"the low band of {len(stack)} images")
    half = _halves(run, stack, diameter)
    images, noise, rows = data.collect(stack, partial(stack.batches, run), half, shells, diameter)
    _require_enough(where, len(rows))
    images, centres = seen.through(images, ctf), stack.shifts(rows)
    data.centre(images, centres)
    reach = max(0.12 * diameter, 10.0) if shift_range is None else shift_range
    batch = BATCH if classes == 1 else small_batch(BATCH * (classes + 1) // 2, len(rows))
    settings = Settings(diameter, operators(name), shells, reach, classes, batch=batch, junk=junk)
    small = compact(images, shells)
    centres = centres * (stack.pixel_size / small.pixel_size)
    return Given(stack, rows, small, data.smooth_spectrum(noise), settings, name, auto, centres)


def _require_enough(where: str, count: int) -> None:
    if count < FEWEST:
        raise DataError(f"{where}: {count} particles; a map from nothing needs {FEWEST} at least")


def _halves(run: Run, stack: ParticleSet, diameter: float) -> np.ndarray:
    """Half-sets of the table, drawn where it has none; where all are in one, others for this job alone."""
    half = half_sets(run, stack.particles, stack.tables, diameter)
    if min(np.bincount(half, minlength=2)) == 0:
        return run.rng("halves").permutation(len(half)) % 2
    return half
