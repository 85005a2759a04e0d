"""From tables and maps to arrays: the problem that the loop solves."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.io.star import Table, Tables
from spa.job import maps, room
from spa.job.particles import ParticleSet, half_sets, open_particles
from spa.job.run import Run
from spa.recipe.widths import require_diameter
from spa.refine import data, drift, loop, premises
from spa.refine.problem import Problem
from spa.refine.settings import Settings, columns_bytes
from spa.refine.states import State
from spa.search.prior import Prior
from spa.volume.insert import accumulator_bytes, sums_bytes
from spa.volume.masks import automatic_threshold, distances, soft_sphere, without_dust
from spa.volume.shells import lowpass as lowpassed
from spa.volume.symmetry import operators
from spa.volume.transform import in_box

GROUPS = ("rlnGroupName", "rlnGroupNumber", "rlnMicrographName")
SHIFT = 20.0  # angstroms: shifts that are searched at first
LOWPASS = 40.0  # angstroms: where a map begins that is named: nobody knows what is right of it
OUTLINE = 6.0  # of the diameter, a part: or there, where that is finer, for a map of less has no more than an outline
NARROW = 0.5  # of what the reference measures: such a diameter is said to cut it
OPPOSITE = 6.0  # standard errors: contrast is the opposite one
ASKEW = 0.9  # correlation with its average over the point group, of a map whose axes lie elsewhere
DETAIL = 7.0  # of the diameter, a part: where the stream's map does, which these images have made, and several do


@dataclass(frozen=True)
class Asked:
    """The options of `spa.job.options.refinement`, as the user gave them; lengths in angstroms."""

    reference: str | None
    lowpass: float | None
    symmetry: str
    diameter: float | None
    mask: str | None
    shift_range: float | None
    iterations: int
    relax_symmetry: str | None = None
    focus_mask: str | None = None
    ewald: str = "none"
    number: int | None = None

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Asked":
        """From all options of a command."""
        return cls(**{field.name: settings[field.name] for field in fields(cls) if field.name in settings})


@dataclass(frozen=True, eq=False)
class Inputs:
    """rows: those of the particle set whose images could be read; the problem is of just these."""

    stack: ParticleSet
    rows: np.ndarray
    problem: Problem
    start: State


def stream_maps(tables: Tables) -> list[str]:
    """The maps of all classes of the stream, in the classes' order."""
    if maps.BLOCK not in tables:
        raise DataError(f"--reference: {tables.source} has no data_maps, and no file is named")
    table = tables[maps.BLOCK]
    here = table.text(maps.ROLE) == "map"
    order = np.argsort(table.ints(maps.CLASS)[here], kind="stable")
    return [str(name) for name in table.text(maps.NAME)[here][order]]


def read(run: Run, tables: Tables, asked: Asked, references: Sequence[str] = ()) -> Inputs:
    """Everything read and checked, nothing computed yet but coefficients and noise; references: those of classes."""
    group = operators(asked.symmetry)
    require_relaxation(asked.relax_symmetry, asked.focus_mask)
    _say_symmetry(run, tables, asked)
    maps.require_choice(asked.number, asked.reference)
    sources = references or [maps.need(tables, "map", "--reference", asked.reference, asked.number)]
    stack = open_particles(run, tables)
    starts = [on_grid(run, source, stack) for source in sources]
    measured = max(measured_diameter(start, stack.pixel_size) for start in starts)
    diameter = asked.diameter or measured
    _check_lengths(stack, diameter, asked)
    _say_axes(run, starts, stack.pixel_size, asked.symmetry)
    if diameter < NARROW * measured:
        run.warn(f"--diameter {diameter:g}: the reference looks {measured:.0f} A wide, and is cut to that")
    mask = solvent(run, asked.mask, stack, diameter)
    breadth = max((measured_breadth(start, stack.pixel_size) or diameter for start in starts), default=diameter)
    settings = Settings(
        diameter, begins_at(asked, diameter, references), group, asked.shift_range or SHIFT, asked.iterations, run.seed,
        asked.symmetry, breadth,
        widest=asked.shift_range or min(2 * SHIFT, stack.box * stack.pixel_size / 4),
    )
    slices = columns_bytes(breadth / (stack.box * stack.pixel_size), stack.box // 2 - 1, len(group))
    images, noise, rows = load(run, stack, diameter, len(starts), 2 * slices)
    _say_premises(run, images, starts[0] * mask, diameter, noise)
    prior = Prior(stack.shifts(rows), settings.shift_range / 2.5 / stack.pixel_size)
    frame = drift.kept(starts[0], mask) if len(starts) == 1 else None
    problem = Problem(
        images, settings, mask, prior, dynamic=asked.mask is None, cohort=cohorts(stack.table(rows)), frame=frame
    )
    return Inputs(stack, rows, problem, loop.first_state(problem, starts, noise))


def _say_symmetry(run: Run, tables: Tables, asked: Asked) -> None:
    """A note where the stream's map has been given a point group (data_symmetry) that C1 does not use."""
    group = maps.symmetry(tables, number=asked.number)
    if asked.reference or asked.relax_symmetry or asked.symmetry.upper() != "C1" or group == "C1":
        return
    where = tables[maps.SYMMETRY].where
    run.note(f"the map that it starts from has {group} ({where}): --symmetry {group} uses that, C1 does not")


def _say_axes(run: Run, starts: Sequence[np.ndarray], pixel_size: float, symmetry: str) -> None:
    """A warning where no map that it starts from has the point group about its axes."""
    group = operators(symmetry)
    if len(group) == 1 or (best := max(premises.symmetric(one, pixel_size, group) for one in starts)) >= ASKEW:
        return
    run.warn(f"the map that it starts from hardly has symmetry {symmetry} about its axes: correlation {best:.2f} with "
             f"its average at {premises.AXES:g} A; `spa symmetry align` lays a map on them")  # fmt: skip


def _say_premises(run: Run, images: data.Images, start: np.ndarray, diameter: float, noise: np.ndarray) -> None:
    """Warnings of images that are not what a refinement takes for granted."""
    noise = data.smooth_spectrum(noise)
    if premises.likeness(images, start, diameter, noise) < -OPPOSITE:
        run.warn("images have the opposite contrast of the map that it starts from: particles must be white in both "
                 "(`spa import particles --normalise --invert`)")  # fmt: skip
    if (spread := premises.unlike(images, noise)) > premises.UNLIKE:
        run.warn(f"the noise of images differs by {spread:.0%} of its deviation, and counts as the same in all: "
                 "`spa import particles --normalise` makes it so")  # fmt: skip


def begins_at(asked: Asked, diameter: float, references: Sequence[str] = ()) -> float:
    """The resolution of the start, angstroms: what was asked for, or what is likely to be right of its maps.

    Of several, it must show what they differ in: images that are sorted by less are sorted wrongly, and their maps
    then differ as they were sorted.
    """
    if asked.lowpass:
        return asked.lowpass
    if references:
        return min(LOWPASS, diameter / DETAIL)
    return min(LOWPASS, diameter / OUTLINE) if asked.reference else diameter / DETAIL


def cohorts(table: Table) -> np.ndarray | None:
    """(n,) number from 0 of the group that each particle shares a grey scale with, as RELION groups them: by group
    name, else group number, else micrograph; None where they are all of one."""
    name = next((one for one in GROUPS if one in table), None)
    if name is None:
        return None
    every, number = np.unique(table.text(name), return_inverse=True)
    return number if len(every) > 1 else None


def load(
    run: Run, stack: ParticleSet, diameter: float, classes: int = 1, searched: int = 0
) -> tuple[data.Images, np.ndarray, np.ndarray]:
    """The images of a refinement of some classes, the noise around them, and the rows that could be read.

    searched: memory of what images are searched against, each class's, in the plan beside the maps.
    """
    half = half_sets(run, stack.particles, stack.tables, diameter)
    if min(np.bincount(half, minlength=2)) == 0:
        raise DataError(f"{stack.tables['particles'].where}: all particles are in one half-set")
    radius = stack.box // 2 - 1
    sums = sums_bytes(stack.box, radius)
    once = 2 * accumulator_bytes(stack.box, radius) - 3 * sums  # one of all is turned, and two are solved, at a time
    volumes = once + classes * (2 * sums + 12 * 4 * stack.box**3 + searched)
    wanted = data.planes_bytes(len(stack), stack.box, radius)
    everything = f"{len(stack)} images of {stack.box} pixels and their maps"
    planes = room.coefficients(run, len(stack), wanted, volumes, everything, f"maps of {stack.box} pixels")
    return data.collect(stack, partial(stack.batches, run), half, radius, diameter, planes)


def require_within(option: str, value: float, most: float, width: float) -> None:
    """UsageError for a length beyond what makes sense in a box of a width, all in angstroms."""
    if value > most:
        raise UsageError(f"{option} {value:g}: the box is {width:g} A wide, {most:g} at most makes sense")


def _check_lengths(stack: ParticleSet, diameter: float, asked: Asked) -> None:
    width = stack.box * stack.pixel_size
    if asked.diameter:
        require_diameter(asked.diameter, width)
    for name, value, most in (("--diameter", diameter, width), ("--lowpass", asked.lowpass or 0, width / 2),
                              ("--shift-range", asked.shift_range or 0, width / 2)):  # fmt: skip
        require_within(name, value, most, width)
    end = 2 * stack.pixel_size
    if asked.lowpass and asked.lowpass < end:
        raise UsageError(f"--lowpass {asked.lowpass:g}: pixels of {stack.pixel_size:g} A end at {end:g} A: half maps "
                         "would share all of the start's detail, and agree in it")  # fmt: skip


def on_grid(run: Run, path: str, stack: ParticleSet, contrast: bool = True) -> np.ndarray:
    """A map on the particles' grid: its box and pixel size are changed when they differ."""
    found = maps.read(run, path, contrast)
    return in_box(found.data, found.pixel_size, stack.box, stack.pixel_size)


def measured_diameter(volume: np.ndarray, pixel_size: float) -> float:
    """Of the particle in a map (angstroms): the sphere about the box centre that holds it, and 10 % more."""
    smooth = lowpassed(volume, pixel_size, 30.0)
    inside = without_dust(smooth > automatic_threshold(smooth))
    reach = float(distances(len(volume))[inside].max()) if inside.any() else 0.4 * len(volume)
    return min(2.2 * reach, 0.9 * len(volume)) * pixel_size


def require_relaxation(group: str | None, focus: str | None) -> None:
    """UsageError where there is a focus mask and nothing that it could be of."""
    if focus and not group:
        raise UsageError("--focus-mask: it belongs to a --relax-symmetry")


def measured_breadth(volume: np.ndarray, pixel_size: float) -> float | None:
    """Of the particle in a map (angstroms): the ball with its radius of gyration; None where nothing stands out."""
    smooth = lowpassed(volume, pixel_size, 30.0)
    inside = without_dust(smooth > automatic_threshold(smooth))
    weight = np.where(inside, np.maximum(smooth, 0), 0).astype(np.float64)
    if not weight.any():
        return None
    z, y, x = (np.average(np.arange(len(volume)), weights=weight.sum(axis=rest)) for rest in ((1, 2), (0, 2), (0, 1)))
    away = sum((grid - at) ** 2 for grid, at in zip(np.ogrid[tuple(map(slice, weight.shape))], (z, y, x)))
    return float(2 * np.sqrt(5 / 3 * np.average(away, weights=weight))) * pixel_size


def focus_mask(run: Run, stack: ParticleSet, path: str | None) -> np.ndarray | None:
    """The soft mask (box, box, box) of where copies may differ, if there is one."""
    if path is None:
        return None
    return maps.solvent(on_grid(run, path, stack, contrast=False), path)


def solvent(run: Run, mask: str | None, stack: ParticleSet, diameter: float) -> np.ndarray:
    """The soft mask (box, box, box) of a file, or else a sphere of a diameter (angstroms)."""
    if mask is None:
        radius = diameter / 2 / stack.pixel_size
        return soft_sphere(stack.box, min(radius, stack.box / 2 - 4), 4)
    return maps.solvent(on_grid(run, mask, stack, contrast=False), mask)
