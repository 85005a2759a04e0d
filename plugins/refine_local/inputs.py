"""From tables and maps to a refinement about the fulcrum."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError, UsageError
from spa.io.star import Tables
from spa.job import maps
from spa.job.particles import ParticleSet, open_particles
from spa.job.run import Run
from spa.model.poses import matrices
from spa.recipe import halfmaps
from spa.recipe.given import Inputs, cohorts, focus_mask, load, measured_diameter, on_grid, require_relaxation
from spa.refine import drift, near
from spa.refine.data import Images
from spa.refine.problem import Problem
from spa.refine.settings import Settings
from spa.search.prior import Prior
from spa.subtract.window import centre_of_mass, map_window, moved
from spa.volume.fsc import crossing, fsc, independent_under
from spa.volume.masks import distances
from spa.volume.shells import apply_radial
from spa.volume.shells import lowpass as lowpassed
from spa.volume.symmetry import operators
from spa.volume.transform import resampled, transform

ONE_MAP = 12.0  # angstroms: the start where there are no half maps
SAME = 0.8  # of a mask, over all its copies: the same but for edges and the lattice
FIT = 20.0  # angstroms: the grey scale is fitted on what is coarser


@dataclass(frozen=True)
class Asked:
    """The options of the job; lengths in angstroms, angles in degrees."""

    mask: str | None
    reference: str | None
    half1: str | None
    half2: str | None
    number: int | None
    lowpass: float | None
    fulcrum: str | None
    angle_prior: float
    shift_prior: float
    symmetry: str
    iterations: int
    relax_symmetry: str | None = None
    focus_mask: str | None = None


@dataclass(frozen=True, eq=False)
class Given:
    """framed: the refinement with the fulcrum in the box's centre; solvent: the mask where it was;
    fulcrum: voxel x y z from the box centre; group (g, 3, 3): over which the poses of the table are known, and no
    better; focus: soft mask of where copies over it may differ, about the fulcrum."""

    framed: Inputs
    solvent: np.ndarray
    fulcrum: np.ndarray
    group: np.ndarray
    focus: np.ndarray | None = None


def read(run: Run, tables: Tables, asked: Asked) -> Given:
    """Everything read and checked, and the start ready."""
    group = operators(asked.symmetry)
    require_relaxation(asked.relax_symmetry, asked.focus_mask)
    maps.require_choice(asked.number, asked.reference or asked.half1, asked.mask)
    mask = maps.need(tables, "mask", "--mask", asked.mask, asked.number)
    sources = halfmaps.files(tables, asked.reference, asked.half1, asked.half2, asked.number, "--reference")
    stack = open_particles(run, tables)
    _require_poses(run, stack, halves=len(sources) == 2)
    raw = halfmaps.read(run, stack, sources)
    solvent = maps.solvent(on_grid(run, mask, stack, contrast=False), mask)
    fulcrum = _fulcrum(asked, solvent, stack)
    window = shifted(solvent, fulcrum)
    if window.sum() < 0.999 * solvent.sum():
        raise UsageError(f"--fulcrum {asked.fulcrum}: what the mask keeps reaches further than half a box from it")
    _require_axes("--symmetry", asked.symmetry, fulcrum)
    focus = focus_mask(run, stack, asked.focus_mask)
    if asked.relax_symmetry:
        _require_axes("--relax-symmetry", asked.relax_symmetry, fulcrum)
        _require_copies(asked.relax_symmetry, window, mask)
    images, noise, rows = load(run, stack, measured_diameter(np.mean(raw, axis=0), stack.pixel_size))
    raw, radius = _start(raw, solvent, asked.lowpass, images)
    poses = matrices(*stack.particles.euler[rows].T)
    shifts = stack.shifts(rows)
    fit = min(radius, images.shell_of(FIT))
    whole = np.mean(raw, axis=0)
    scale = near.fitted_scales(images, [whole * solvent, whole * (1 - solvent)], poses, shifts, fit, noise)[0]
    if scale <= 0:
        raise DataError("the images do not have the map's signal at the poses of the table (its scale in them is "
                        f"{scale:.3g}): are contrast, hand and poses those of the map?")  # fmt: skip
    run.say(f"start at {images.resolution_of(radius):.1f} A, scale {scale:.3g}")
    prior = Prior(moved(poses, shifts, fulcrum), asked.shift_prior / stack.pixel_size, poses,
                  np.deg2rad(asked.angle_prior))  # fmt: skip
    settings = Settings(
        _extent(window) * stack.pixel_size, asked.lowpass or ONE_MAP, group, 2 * asked.shift_prior, asked.iterations,
        run.seed, asked.symmetry,
    )  # fmt: skip
    halves = np.stack([shifted(one, fulcrum) for one in (raw * 2)[:2]]) * np.float32(scale)
    frame = drift.kept(halves.mean(axis=0), window)
    problem = Problem(images, settings, window, prior, dynamic=False, cohort=cohorts(stack.table(rows)), frame=frame)
    start = near.first_state(problem, halves, radius, noise)
    known = operators(asked.relax_symmetry or asked.symmetry)
    focus = None if focus is None else shifted(focus, fulcrum)
    return Given(Inputs(stack, rows, problem, start), solvent, fulcrum, known, focus)


def shifted(volume: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The map with a voxel x y z (from its centre) in the centre; 0 where nothing was."""
    return map_window(volume, centre, len(volume), len(volume), 1.0)


def _require_poses(run: Run, stack: ParticleSet, halves: bool) -> None:
    halfmaps.require_poses(stack, halves, "refine", "--reference")
    halfmaps.say_drawn(run, stack)


def _fulcrum(asked: Asked, solvent: np.ndarray, stack: ParticleSet) -> np.ndarray:
    """The voxel x y z, from the box centre, nearest to the fulcrum."""
    if asked.fulcrum is None:
        return centre_of_mass(solvent)
    unit = stack.pixel_size if asked.fulcrum.endswith("A") else 1.0
    at = np.array([float(one) for one in asked.fulcrum.removesuffix("A").split(",")]) / unit
    if np.any(at < 0) or np.any(at > stack.box - 1):
        raise UsageError(f"--fulcrum {asked.fulcrum}: outside of the map of {stack.box} pixels")
    return np.rint(at - stack.box // 2)


def _require_axes(option: str, group: str, fulcrum: np.ndarray) -> None:
    away = np.abs(operators(group) @ fulcrum - fulcrum).max()
    if away > 1e-6:
        raise UsageError(f"{option} {group}: the fulcrum must lie on its axes (--fulcrum), and it is "
                         f"{' '.join(f'{one:g}' for one in fulcrum)} pixels from the centre")  # fmt: skip


def _require_copies(group: str, window: np.ndarray, name: str) -> None:
    """UsageError where a mask (box, box, box) about the fulcrum does not hold what all copies over a group hold."""
    every = resampled(transform(window, 1.0), len(window), 1.0, operators(group))
    if (every * window).sum() < SAME * (window**2).sum():
        raise UsageError(f"--relax-symmetry {group}: {name} must keep the same of all copies; where they may differ is "
                         "said by --focus-mask")  # fmt: skip


def _start(
    raw: list[np.ndarray], solvent: np.ndarray, lowpass: float | None, images: Images
) -> tuple[list[np.ndarray], int]:
    """What the halves start from, and its last shell: half maps weighted by their FSC, or one map low-passed."""
    if len(raw) == 2:
        curve = np.clip(fsc(raw[0] * solvent, raw[1] * solvent), 0, 1)
        curve[0] = 1
        radius = crossing(curve, 0.143, independent_under(solvent))
        curve[radius + 1 :] = 0
        raw = [apply_radial(one, curve) for one in raw]
        if lowpass is None:
            return raw, radius
        radius = min(radius, images.shell_of(lowpass))
    else:
        radius = images.shell_of(lowpass or ONE_MAP)
    return [lowpassed(one, 1.0, len(one) / radius) for one in raw], radius


def _extent(window: np.ndarray) -> float:
    """Diameter (pixels) of the sphere about the fulcrum that holds the mask."""
    return 2 * float(distances(len(window))[window > 0.5].max())

