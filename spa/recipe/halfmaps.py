"""What particles with poses are compared with: one map for all, or for each the half map of its own half-set."""

import numpy as np

from spa.errors import DataError, UsageError
from spa.io.star import Tables
from spa.job import maps
from spa.job.particles import ParticleSet
from spa.job.run import Run
from spa.recipe.given import on_grid


def files(
    tables: Tables, one: str | None, half1: str | None, half2: str | None, number: int | None, option: str = "--map"
) -> list[str]:
    """The files of the map (named by an option) or of both half maps; what is not named comes from the stream."""
    if (half1 is None) != (half2 is None):
        raise UsageError("--half1 and --half2 belong together")
    if half1 and one:
        raise UsageError(f"{option} and --half1, --half2: give one map or two half maps")
    if one:
        return [one]
    halves = [maps.find(tables, role, named, number) for role, named in (("half1", half1), ("half2", half2))]
    if all(halves):
        return [str(half) for half in halves]
    return [maps.need(tables, "map", option, None, number)]


def require_poses(stack: ParticleSet, halves: bool, purpose: str, option: str = "--map") -> None:
    """DataError where particles have no poses or, where each has a half map of its own, no half-set."""
    where, half = stack.tables["particles"].where, stack.particles.half
    told = f"says whose half map is a particle's (or {option})"
    if not stack.particles.has_poses:
        raise DataError(f"{where} has no poses (rlnAngleRot, rlnAngleTilt, rlnAnglePsi) to {purpose}")
    if not halves:
        return
    if "rlnRandomSubset" not in stack.tables["particles"]:
        raise DataError(f"{where} has no column rlnRandomSubset, which {told}")
    odd = np.flatnonzero(~np.isin(half, (1, 2)))
    if odd.size:
        raise DataError(f"{where} row {odd[0] + 1}: rlnRandomSubset is {half[odd[0]]}, not 1 or 2, which {told}")


def say_drawn(run: Run, stack: ParticleSet) -> None:
    """A warning where particles with poses have no half-set."""
    unset = int((~np.isin(stack.particles.half, (1, 2))).sum())
    if unset:
        run.warn(f"{unset} particles have no half-set: it is drawn, though their poses may know both halves")


def read(run: Run, stack: ParticleSet, paths: list[str]) -> list[np.ndarray]:
    """The map or both half maps on the particles' grid; DataError for two that are the same."""
    found = [on_grid(run, path, stack) for path in paths]
    if len(found) == 2 and np.array_equal(found[0], found[1]):
        raise DataError(f"{paths[0]} and {paths[1]} are the same map, not two halves")
    return found
