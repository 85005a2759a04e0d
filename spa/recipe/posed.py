"""Particles whose poses stay as they are: from a table to images and poses, the map of all of them, and its masks."""

from dataclasses import dataclass, fields
from functools import partial
from typing import Any, TypeVar

import numpy as np

from spa.abinit.compact import compact
from spa.class3d.consensus import Consensus, Posed, consensus
from spa.errors import DataError, UsageError
from spa.io.star import Tables
from spa.job import maps
from spa.job.particles import ParticleSet, half_sets, open_particles
from spa.job.run import Run
from spa.job.subtraction import SCALE
from spa.model.poses import matrices
from spa.recipe.given import measured_diameter
from spa.recipe.widths import require_diameter
from spa.refine import data
from spa.refine.problem import Workers
from spa.volume.masks import soft_sphere
from spa.volume.transform import in_box

WIDEST = 0.9  # of the box: the sphere that the first map is masked to

Own = TypeVar("Own", bound="Asked")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What such jobs ask, as the user gave it; lengths in angstroms."""

    diameter: float | None
    mask: str | None
    focus_mask: str | None
    max_resolution: float

    @classmethod
    def of(cls: type[Own], settings: dict[str, Any]) -> Own:
        """From all options of a command."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


@dataclass(frozen=True, eq=False)
class Opened:
    """Nothing of it read but the table: the set, the half (n,) of each row, and the shells that are used."""

    stack: ParticleSet
    half: np.ndarray
    shells: int

    @property
    def where(self) -> str:
        return str(self.stack.tables["particles"].where)

    @property
    def coefficients(self) -> int:
        """Bytes of all images'."""
        return data.planes_bytes(len(self.stack), self.stack.box, self.shells)


@dataclass(frozen=True, eq=False)
class Given:
    """rows: those of the stack whose images could be read; noise (groups, shells): of what is around them."""

    asked: Any  # of the job's kind
    stack: ParticleSet
    rows: np.ndarray
    posed: Posed
    noise: np.ndarray

    @property
    def where(self) -> str:
        return str(self.stack.tables["particles"].where)


def opened(run: Run, tables: Tables, asked: Asked, fewest: int, why: str) -> Opened:
    """Everything checked that can be before images are read; fewest: particles that are enough, why: in words."""
    stack = open_particles(run, tables)
    where, width = stack.tables["particles"].where, stack.box * stack.pixel_size
    if not stack.particles.has_poses:
        raise DataError(f"{where}: no rlnAngleRot, rlnAngleTilt, rlnAnglePsi; refine the particles first")
    if len(stack) < fewest:
        raise DataError(f"{where}: {len(stack)} particles are too few {why}")
    if asked.diameter:
        require_diameter(asked.diameter, width)
    shells = int(min(stack.box // 2 - 1, width / asked.max_resolution))
    if shells < 4:
        raise UsageError(f"--max-resolution {asked.max_resolution:g}: the box is {width:g} A wide, a quarter at most")
    half = half_sets(run, stack.particles, stack.tables, asked.diameter or 0.0)
    if min(np.bincount(half, minlength=2)) == 0:
        raise DataError(f"{where}: all particles are in one half-set")
    return Opened(stack, half, shells)


def collected(run: Run, asked: Asked, found: Opened, planes: data.Rows | None) -> Given:
    """The images read; planes: room for their coefficients (`spa.job.room`). Nothing else is computed but noise."""
    stack = found.stack
    circle = asked.diameter or WIDEST * stack.box * stack.pixel_size
    images, noise, rows = data.collect(stack, partial(stack.batches, run), found.half, found.shells, circle, planes)
    images = compact(images, found.shells)
    seen = images.seen_from(np.arange(len(images)), matrices(*stack.particles.euler[rows].T))
    shifts, left = stack.shifts(rows) * stack.pixel_size / images.pixel_size, SCALE in stack.tables["particles"]
    posed = Posed(images, seen, shifts, even=left)
    return Given(asked, stack, rows, posed, data.smooth_spectrum(noise))


@dataclass(frozen=True, eq=False)
class Whole:
    """The map of all images and, in its compact box, the sphere about it, the solvent mask, and the region in which
    images may differ; diameter in angstroms."""

    consensus: Consensus
    diameter: float
    sphere: np.ndarray
    solvent: np.ndarray
    region: np.ndarray


def whole(run: Run, given: Given, workers: Workers) -> Whole:
    """The map of all images, and its masks."""
    asked, images = given.asked, given.posed.images
    box = images.band.box
    found = consensus(given.posed, given.noise, _sphere(box, WIDEST * box), workers)
    diameter = asked.diameter or measured_diameter(found.volume, images.pixel_size)
    sphere = _sphere(box, diameter / images.pixel_size)
    solvent = _on_grid(run, given, asked.mask) if asked.mask else sphere
    region = solvent * _on_grid(run, given, asked.focus_mask) if asked.focus_mask else solvent
    if region.max() < 0.5:
        there = f"{asked.focus_mask}: nothing of it lies within the solvent mask"
        raise DataError(there if asked.focus_mask else f"{asked.mask}: nothing of it is left in this box")
    return Whole(found, diameter, sphere, solvent, region)


def _sphere(box: int, diameter: float) -> np.ndarray:
    """A soft sphere of a diameter (pixels) that leaves room for its edge."""
    edge = min(4.0, 0.06 * box)
    return soft_sphere(box, min(diameter / 2, box / 2 - edge), edge)


def _on_grid(run: Run, given: Given, path: str) -> np.ndarray:
    """A mask on the grid of the compact box."""
    found, images = maps.read(run, path, contrast=False), given.posed.images
    values = maps.solvent(found.data, path)
    return np.clip(in_box(values, found.pixel_size, images.band.box, images.pixel_size), 0, 1)
