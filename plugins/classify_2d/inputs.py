"""From a table to arrays: the problem that the iterations solve."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from spa.class2d.expect import Expectation
from spa.class2d.plane import Plane
from spa.class2d.schedule import Settings, batch_size
from spa.errors import DataError, UsageError
from spa.image.disc import disc
from spa.io.star import Tables
from spa.job import room
from spa.job.particles import ParticleSet
from spa.job.run import Run
from spa.recipe import seen
from spa.recipe.widths import require_diameter
from spa.refine import data
from spa.refine.engine import Engine

_FULL = 2  # passes over all particles at the end


@dataclass(frozen=True, eq=False)
class Problem:
    """rows: those of the particle set whose images could be read; centres (n, 2) pixels, where they were centred."""

    stack: ParticleSet
    rows: np.ndarray
    images: data.Images
    settings: Settings
    variance: np.ndarray
    centres: np.ndarray


def problem(
    run: Run, tables: Tables, classes: int, diameter: float, max_resolution: float, shift_range: float | None,
    iterations: int, ctf: str = "full",
) -> Problem:  # fmt: skip
    """Everything read and checked; images as coefficients, moved to the origins that the table has.

    ctf: what the images are seen through: "full", "flipped" (phases are flipped in them already), "none".
    """
    stack = seen.opened(run, tables, ctf)
    width = stack.box * stack.pixel_size
    require_diameter(diameter, width)
    if shift_range is not None and shift_range > width / 2:
        raise UsageError(f"--shift-range {shift_range:g}: the box is {width:g} A wide; half of it at most")
    limit = int(min(stack.box // 2 - 1, width / max_resolution))
    first = max(4, round(4 * width / diameter))
    if limit < first:
        raise UsageError(f"--max-resolution {max_resolution:g}: coarser than the start at {width / first:.0f} A")
    if len(stack) < 2 * classes:
        where = stack.tables["particles"].where
        raise DataError(f"{where}: {len(stack)} particles are too few for --classes {classes} (two a class at least)")
    limit = seen.held(run, stack, first, limit, diameter)
    settings = Settings(
        classes, diameter / stack.pixel_size, (shift_range or diameter / 8) / stack.pixel_size, first, limit,
        iterations, _FULL, batch_size(len(stack), classes), run.seed,
    )  # fmt: skip
    planes = _room(run, stack, settings)
    half = np.arange(len(stack)) % 2
    images, variance, rows = data.collect(stack, partial(stack.batches, run), half, limit, diameter, planes)
    images = seen.through(images, ctf)
    centres = stack.shifts(rows)
    data.centre(images, centres)
    return Problem(stack, rows, images, settings, variance, centres)


def _room(run: Run, stack: ParticleSet, settings: Settings) -> data.Rows | None:
    """Memory for the coefficients (None), or a nameless file in DIR where they do not fit; the rest is required."""
    averages = 12 * settings.classes * Plane(stack.box, settings.limit).cells
    turned = 8 * settings.classes * len(disc(stack.box, settings.limit)) * 4 * settings.limit  # of two folds
    rest = averages * (12 + 3 * run.threads) + turned
    wanted = data.planes_bytes(len(stack), stack.box, settings.limit)
    maps = f"{settings.classes} class averages of {stack.box} pixels"
    everything = f"{len(stack)} images of {stack.box} pixels and {maps}"
    return room.coefficients(run, len(stack), wanted, rest, everything, maps)


def expectation(engine: Engine, threads: int) -> Callable[..., Any]:
    """What makes the E-step of averages where an engine computes; here by so many threads."""
    if engine.device is None:
        return partial(Expectation, threads=(threads + 1) // 2)  # averages of one fold are turned beside another's work
    from spa.class2d import expect_cuda
    from spa.refine.engine_cuda import Cuda

    assert isinstance(engine, Cuda)
    return partial(expect_cuda.Expectation, engine)
