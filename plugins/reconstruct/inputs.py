"""From a table to images at the poses that it has."""

from dataclasses import dataclass

from spa.io.star import Tables
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.model.poses import matrices
from spa.recipe import given, halfmaps
from spa.recipe.posed import WIDEST
from spa.recipe.symmetry import foreign
from spa.recipe.widths import require_diameter
from spa.refine import known
from spa.refine.data import smooth_spectrum
from spa.refine.problem import Problem
from spa.refine.settings import Settings
from spa.search.prior import Prior
from spa.volume.symmetry import operators


@dataclass(frozen=True)
class Asked:
    """The options of the job; angstroms."""

    symmetry: str
    diameter: float | None
    mask: str | None


def read(run: Run, tables: Tables, asked: Asked) -> given.Inputs:
    """Everything read and checked; nothing computed yet but coefficients and noise."""
    group = operators(asked.symmetry)
    if words := foreign(tables, asked.symmetry):
        run.warn(words)
    stack = open_particles(run, tables)
    halfmaps.require_poses(stack, halves=False, purpose="reconstruct at")
    halfmaps.say_drawn(run, stack)
    width = stack.box * stack.pixel_size
    diameter = asked.diameter or WIDEST * width
    require_diameter(diameter, width)
    solvent = given.solvent(run, asked.mask, stack, diameter)
    images, noise, rows = given.load(run, stack, diameter)
    prior = Prior(stack.shifts(rows), 1.0, matrices(*stack.particles.euler[rows].T))
    settings = Settings(diameter, width, group, 0.0, known.ROUNDS, run.seed, asked.symmetry)
    problem = Problem(images, settings, solvent, prior, dynamic=asked.mask is None,
                      cohort=given.cohorts(stack.table(rows)))  # fmt: skip
    return given.Inputs(stack, rows, problem, known.first_state(problem, smooth_spectrum(noise)))
