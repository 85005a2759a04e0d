"""Particles whose poses stay as they are: from a table to centred views, their consensus and its masks."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from spa.abinit.compact import compact
from spa.class3d.consensus import Consensus, Posed, consensus
from spa.errors import DataError, UsageError
from spa.io.star import Tables
from spa.job import maps
from spa.job.particles import ParticleSet, half_sets, open_particles
from spa.job.run import Run
from spa.model.poses import matrices
from spa.recipe.given import measured_diameter, room
from spa.refine import data
from spa.refine.problem import Workers
from spa.vary.views import Contrast, Views, centred
from spa.volume.masks import soft_sphere
from spa.volume.transform import resampled, transform

WIDEST = 0.9  # of the box: the sphere that the first map is masked to
FEWEST = 50  # particles


@dataclass(frozen=True)
class Band:
    """The options of `spa.job.options.variable`, as the user gave them; lengths in angstroms."""

    diameter: float | None
    mask: str | None
    focus_mask: str | None
    max_resolution: float
    min_resolution: float | None

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Band":
        """From all options of a command."""
        return cls(**{field.name: settings[field.name] for field in fields(Band)})


@dataclass(frozen=True, eq=False)
class Given:
    """rows: those of the stack whose images could be read; noise (groups, shells): of what is around them."""

    band: Band
    stack: ParticleSet
    rows: np.ndarray
    posed: Posed
    noise: np.ndarray

    @property
    def where(self) -> str:
        return str(self.stack.tables["particles"].where)


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


def read(run: Run, tables: Tables, band: Band, rest: int = 0) -> Given:
    """Everything read and checked; nothing computed but the images' coefficients and noise.

    rest: floats at a point of the oversampled grid that the job will need besides.
    """
    stack = open_particles(run, tables)
    where, width = stack.tables["particles"].where, stack.box * stack.pixel_size
    if not stack.particles.has_poses:
        raise DataError(f"{where}: no rlnAngleRot, rlnAngleTilt, rlnAnglePsi; refine the particles first")
    if len(stack) < FEWEST:
        raise DataError(f"{where}: {len(stack)} particles are too few ({FEWEST} at least)")
    if band.diameter and band.diameter > width:
        raise UsageError(f"--diameter {band.diameter:g}: the box is {width:g} A wide")
    shells = int(min(stack.box // 2 - 1, width / band.max_resolution))
    if shells < 4:
        raise UsageError(f"--max-resolution {band.max_resolution:g}: the box is {width:g} A wide, a quarter at most")
    if band.min_resolution and width / band.min_resolution >= shells - 2:
        raise UsageError(f"--min-resolution {band.min_resolution:g}: nothing is left down to {band.max_resolution:g} A")
    half = half_sets(run, stack.particles, stack.tables, band.diameter or 0.0)
    if min(np.bincount(half, minlength=2)) == 0:
        raise DataError(f"{where}: all particles are in one half-set")
    points = (4 * (shells + 2)) ** 2 * 2 * (shells + 2)
    wanted = data.planes_bytes(len(stack), stack.box, shells)
    everything = f"{len(stack)} images in {shells} shells and the equations of their maps"
    planes = room(run, len(stack), wanted, 4 * rest * points, everything, f"equations of {rest} floats a grid point")
    images, noise, rows = data.collect(
        stack, stack.batches(run), half, shells, band.diameter or WIDEST * width, planes
    )
    images = compact(images, shells)
    seen = images.seen_from(np.arange(len(images)), matrices(*stack.particles.euler[rows].T))
    posed = Posed(images, seen, stack.shifts(rows) * stack.pixel_size / images.pixel_size)
    return Given(band, stack, rows, posed, data.smooth_spectrum(noise))


def prepared(run: Run, given: Given, even: bool, workers: Workers) -> Ready:
    """The map of all images and its masks; even: all images have one grey scale."""
    band, images = given.band, given.posed.images
    box, width = images.band.box, images.band.box * images.pixel_size
    whole: Consensus = consensus(given.posed, given.noise, sphere(box, WIDEST * box), workers)
    diameter = band.diameter or measured_diameter(whole.volume, images.pixel_size)
    ball = sphere(box, diameter / images.pixel_size)
    solvent = on_grid(run, given, band.mask) if band.mask else ball
    region = solvent * on_grid(run, given, band.focus_mask) if band.focus_mask else solvent
    if region.max() < 0.5:
        raise DataError(f"{band.focus_mask}: nothing of it lies within the solvent mask")
    run.say(f"all particles: a map {diameter:.0f} A across; {(region**2).mean():.1%} of the box may vary")
    least = int(np.ceil(width / band.min_resolution)) if band.min_resolution else 1
    views, volume, contrast = centred(given.posed, whole.volume * ball, given.noise, least, even, workers)
    return Ready(views, volume, whole.curve, ball, solvent, region, contrast)


def sphere(box: int, diameter: float) -> np.ndarray:
    """A soft sphere of a diameter (pixels) that leaves room for its edge."""
    edge = min(4.0, 0.06 * box)
    return soft_sphere(box, min(diameter / 2, box / 2 - edge), edge)


def on_grid(run: Run, given: Given, path: str) -> np.ndarray:
    """A mask on the grid of the compact box."""
    found, images = maps.read(run, path, contrast=False), given.posed.images
    values = maps.solvent(found.data, path)
    if len(values) == images.band.box and abs(found.pixel_size / images.pixel_size - 1) < 1e-3:
        return values
    return np.clip(resampled(transform(values, found.pixel_size), images.band.box, images.pixel_size), 0, 1)
