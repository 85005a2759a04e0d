"""From a table with poses to the problem that the iterations solve."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from spa.abinit.compact import compact
from spa.class3d.consensus import Posed, consensus, residuals
from spa.class3d.loop import Problem
from spa.class3d.prior import prior
from spa.class3d.settings import Settings
from spa.errors import DataError, UsageError
from spa.io.star import Tables
from spa.job import maps
from spa.job.particles import ParticleSet, half_sets, open_particles
from spa.job.run import Run
from spa.model.poses import matrices
from spa.recipe.given import measured_diameter, room
from spa.refine import data
from spa.refine.problem import Workers
from spa.volume.insert import accumulator_bytes
from spa.volume.masks import soft_sphere
from spa.volume.transform import resampled, transform

STARTS = {"pca": 20, "random": 3}
WIDEST = 0.9  # of the box: the sphere that the first map is masked to
FEWEST = 10  # particles a class


@dataclass(frozen=True)
class Asked:
    """The options, as the user gave them; lengths in angstroms."""

    classes: int
    diameter: float | None
    mask: str | None
    focus_mask: str | None
    max_resolution: float
    init: str
    start_resolution: float
    starts: int | None
    similarity: float
    tau: float
    iterations: int

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Asked":
        """From all options of the command."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


@dataclass(frozen=True, eq=False)
class Given:
    """rows: those of the stack whose images could be read; noise (groups, shells): of what is around them."""

    asked: Asked
    stack: ParticleSet
    rows: np.ndarray
    posed: Posed
    noise: np.ndarray


@dataclass(frozen=True, eq=False)
class Ready:
    """The problem; consensus: the map of all images (in the compact box), solvent: its mask."""

    given: Given
    problem: Problem
    consensus: np.ndarray
    solvent: np.ndarray


def read(run: Run, tables: Tables, asked: Asked) -> Given:
    """Everything read and checked; nothing computed but the images' coefficients and noise."""
    stack = open_particles(run, tables)
    where, width = stack.tables["particles"].where, stack.box * stack.pixel_size
    if not stack.particles.has_poses:
        raise DataError(f"{where}: no rlnAngleRot, rlnAngleTilt, rlnAnglePsi; refine the particles first")
    if len(stack) < FEWEST * asked.classes:
        raise DataError(f"{where}: {len(stack)} particles are too few for --classes {asked.classes} "
                        f"({FEWEST} a class at least)")  # fmt: skip
    if asked.diameter and asked.diameter > width:
        raise UsageError(f"--diameter {asked.diameter:g}: the box is {width:g} A wide")
    shells = int(min(stack.box // 2 - 1, width / asked.max_resolution))
    if shells < 4:
        raise UsageError(f"--max-resolution {asked.max_resolution:g}: the box is {width:g} A wide, a quarter at most")
    half = half_sets(run, stack.particles, stack.tables, asked.diameter or 0.0)
    if min(np.bincount(half, minlength=2)) == 0:
        raise DataError(f"{where}: all particles are in one half-set")
    planes = _room(run, stack, shells, asked.classes)
    circle = asked.diameter or WIDEST * width
    images, noise, rows = data.collect(stack, stack.batches(run), half, shells, circle, planes)
    images = compact(images, shells)
    poses = matrices(*stack.particles.euler[rows].T)
    seen = images.seen_from(np.arange(len(images)), poses)
    posed = Posed(images, seen, stack.shifts(rows) * stack.pixel_size / images.pixel_size)
    return Given(asked, stack, rows, posed, data.smooth_spectrum(noise))


def _room(run: Run, stack: ParticleSet, shells: int, classes: int) -> np.ndarray | None:
    """Memory for the coefficients (None), or a nameless file in DIR where they do not fit; the rest is required."""
    volumes = 3 * classes * accumulator_bytes(2 * shells + 8, shells)
    wanted = data.planes_bytes(len(stack), stack.box, shells)
    everything = f"{len(stack)} images in {shells} shells and {classes} maps"
    return room(run, len(stack), wanted, volumes, everything, f"{classes} maps of {shells} shells")


def prepared(run: Run, given: Given, workers: Workers) -> Ready:
    """The map of all images, its masks, and what it leaves of each image."""
    asked, images = given.asked, given.posed.images
    box, width = images.band.box, images.band.box * images.pixel_size
    whole = consensus(given.posed, given.noise, _sphere(box, WIDEST * box), workers)
    diameter = asked.diameter or measured_diameter(whole.volume, images.pixel_size)
    sphere = _sphere(box, diameter / images.pixel_size)
    solvent = _mask(run, given, asked.mask) if asked.mask else sphere
    region = solvent * _mask(run, given, asked.focus_mask) if asked.focus_mask else solvent
    if region.max() < 0.5:
        raise DataError(f"{asked.focus_mask}: nothing of it lies within the solvent mask")
    run.say(f"all particles: a map {diameter:.0f} A across; classes in {(region**2).mean():.1%} of the box")
    found, volume = residuals(given.posed, whole.volume * sphere, given.noise, workers)
    settings = Settings(
        asked.classes, int(np.clip(width / asked.start_resolution, 4, images.band.radius)), asked.iterations, run.seed,
        asked.similarity, asked.starts or STARTS[asked.init], asked.init == "random",
    )  # fmt: skip
    strength = prior(volume, sphere, region, asked.tau)
    return Ready(given, Problem(found, np.arange(len(found)), strength, settings), volume, solvent)


def _sphere(box: int, diameter: float) -> np.ndarray:
    edge = min(4.0, 0.06 * box)
    return soft_sphere(box, min(diameter / 2, box / 2 - edge), edge)


def _mask(run: Run, given: Given, path: str) -> np.ndarray:
    """A mask on the grid of the compact box."""
    found, images = maps.read(run, path, contrast=False), given.posed.images
    values = maps.solvent(found.data, path)
    if len(values) == images.band.box and abs(found.pixel_size / images.pixel_size - 1) < 1e-3:
        return values
    return np.clip(resampled(transform(values, found.pixel_size), images.band.box, images.pixel_size), 0, 1)
