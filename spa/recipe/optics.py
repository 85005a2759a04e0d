"""What every refinement of optics is given: particles with poses, and what a map shows of them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import reduce
from typing import Any

import numpy as np

from spa.errors import DataError, SpaError, UsageError
from spa.image.ctf import Lens, chi_terms
from spa.io.star import Tables
from spa.job import maps, memory, pool
from spa.job.particles import ParticleSet, open_particles
from spa.job.run import Run
from spa.model.poses import matrices
from spa.optics.calibrate import Calibration, agreement, calibrated, tally
from spa.optics.compared import BLOCK, Scene, Who, scene
from spa.recipe import halfmaps
from spa.recipe.given import on_grid
from spa.volume.fsc import crossing, fsc, independent_under
from spa.volume.masks import soft_sphere

FEWEST = 10  # shells that a comparison needs
SAMPLE = 1000  # images that scales and noise are taken from
SURE = 4.0  # standard deviations that images agree with a map by


@dataclass(frozen=True)
class Asked:
    """The options of `spa.job.options.comparison`; resolutions in angstroms."""

    map_file: str | None
    half1: str | None
    half2: str | None
    mask: str | None
    number: int | None
    min_resolution: float
    max_resolution: float | None

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Asked":
        """From all options of a command."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


@dataclass(frozen=True, eq=False)
class Given:
    """Particles, the masked maps (one, or one a half-set), and the shells that are compared, first and last."""

    stack: ParticleSet
    volumes: list[np.ndarray]
    first: int
    last: int

    @property
    def halves(self) -> bool:
        return len(self.volumes) > 1

    def resolution(self, shell: int) -> float:
        """Of a shell, angstroms."""
        return self.stack.box * self.stack.pixel_size / shell


def read(run: Run, tables: Tables, asked: Asked) -> Given:
    """Everything read and checked; DataError where the table has no poses, or no half-sets for its half maps."""
    maps.require_choice(asked.number, asked.map_file or asked.half1, asked.mask)
    if asked.max_resolution and asked.max_resolution >= asked.min_resolution:
        raise UsageError(f"--max-resolution {asked.max_resolution:g}: nothing is left of what is finer than "
                         f"--min-resolution {asked.min_resolution:g}")  # fmt: skip
    sources = halfmaps.files(tables, asked.map_file, asked.half1, asked.half2, asked.number)
    stack = open_particles(run, tables)
    halfmaps.require_poses(stack, len(sources) == 2, "compare the map at")
    memory.require(30 * 4 * stack.box**3, f"maps of {stack.box} pixels")
    raw = halfmaps.read(run, stack, sources)
    path = maps.find(tables, "mask", asked.mask, asked.number)
    solvent = soft_sphere(stack.box, stack.box / 2 - 6, 5)
    if path is not None:
        solvent = maps.solvent(on_grid(run, path, stack, contrast=False), path)
    volumes = [one * solvent for one in raw]
    return Given(stack, volumes, *_shells(volumes, solvent, asked, stack))


def _shells(volumes: list[np.ndarray], solvent: np.ndarray, asked: Asked, stack: ParticleSet) -> tuple[int, int]:
    width, most = stack.box * stack.pixel_size, stack.box // 2 - 2
    last = crossing(fsc(*volumes), 0.143, independent_under(solvent)) if len(volumes) == 2 else most
    if asked.max_resolution:
        last = round(width / asked.max_resolution)
    first, last = max(1, round(width / asked.min_resolution)), min(last, most)
    if last < first + FEWEST:
        raise DataError(f"only detail from {width / first:.1f} to {width / max(last, 1):.1f} A can be compared: "
                        "the map is too coarse for optics to be refined")  # fmt: skip
    return first, last


def scene_of(run: Run, given: Given) -> Scene:
    """The maps ready to be compared."""
    stack = given.stack
    return scene(given.volumes, stack.pixel_size, given.last, stack.aberrations, run.threads)


def who_of(stack: ParticleSet) -> Who:
    """How each particle is seen, by its own half's map."""
    p = stack.particles
    lens = Lens(stack.voltage, stack.cs, stack.contrast)
    chi = chi_terms(lens, p.defocus_u, p.defocus_v, p.defocus_angle, p.phase_shift)
    rows = np.arange(len(stack))
    half = np.clip(p.half, 1, 2) - 1
    return Who(matrices(*p.euler.T), stack.shifts(rows), chi, p.bfactor, half, stack.group)


def blocks(stack: ParticleSet, rows: np.ndarray, errors: list[SpaError]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows that can be used, and their images, a block at a time; what is wrong with others goes into errors."""
    for start in range(0, len(rows), BLOCK):
        good, images, bad = stack.usable(rows[start : start + BLOCK])
        errors += bad
        if len(good):
            yield good, images


def sample(count: int) -> np.ndarray:
    """Rows spread evenly over a set."""
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.int64))


def scales(run: Run, given: Given, here: Scene, who: Who) -> Calibration:
    """Grey scale and noise from a sample; DataError where its images do not show the map."""
    rows = sample(len(who))
    groups = len(given.stack.aberrations)
    errors: list[SpaError] = []  # named in the pass that follows
    parts = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]

    def work(part: np.ndarray) -> Any:
        return [tally(here, who.take(good), pixels, groups) for good, pixels in blocks(given.stack, part, errors)]

    done = [one for _, result in pool.ordered(parts, work, run.threads, run.checkpoint) for one in result()]
    if not done:
        raise DataError(f"{given.stack.tables['particles'].where}: no image of a sample can be used")
    total = reduce(lambda a, b: a + b, done)
    found = calibrated(total, here.band, given.halves)
    cross = (total.own - found.own * total.seen).sum(axis=0)
    require_signal(given, cross, total.norm.sum(axis=0), found.noise.mean(axis=0))
    return found


def require_signal(given: Given, cross: np.ndarray, norm: np.ndarray, noise: np.ndarray) -> None:
    """DataError where images do not agree with the map more than noise does: see `calibrate.agreement`."""
    used = slice(given.first, given.last)
    if agreement(cross[used], norm[used], noise[used]) < SURE:
        raise DataError("the images do not have the map's signal at the poses of the table: "
                        "are contrast, hand and poses those of the map?")  # fmt: skip
