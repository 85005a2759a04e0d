"""Maps, masks and particles read and checked: what goes, what stays, and the window."""

import os
from dataclasses import dataclass

import numpy as np

from spa.errors import DataError, UsageError
from spa.io.star import Tables
from spa.job import maps, memory
from spa.job.particles import ParticleSet, open_particles
from spa.job.run import Run
from spa.job.subtraction import described
from spa.recipe import halfmaps
from spa.recipe.given import on_grid, require_within
from spa.subtract.window import centre_of_mass
from spa.volume.fsc import crossing, fsc, independent_under
from spa.volume.masks import soft_sphere
from spa.volume.shells import apply_radial
from spa.volume.shells import lowpass as lowpassed


@dataclass(frozen=True)
class Asked:
    """The options of the job."""

    mask: str
    map_file: str | None
    half1: str | None
    half2: str | None
    solvent: str | None
    number: int | None
    lowpass: float | None
    recenter: bool
    box: int | None
    crop: int | None


@dataclass(frozen=True, eq=False)
class Inputs:
    """raw: the map or the half maps as they came; whole: the same filtered, in the solvent; kept: the mask.

    centre: voxel x y z, from the box centre, that becomes the new centre; box and size: sides of the window before
    and after Fourier cropping.
    """

    stack: ParticleSet
    raw: list[np.ndarray]
    whole: list[np.ndarray]
    kept: np.ndarray
    recenter: bool
    centre: np.ndarray
    box: int
    size: int

    @property
    def removed(self) -> list[np.ndarray]:
        return [one * (1 - self.kept) for one in self.whole]

    @property
    def left(self) -> list[np.ndarray]:
        return [one * self.kept for one in self.whole]

    @property
    def half(self) -> np.ndarray:
        """(n,) 1 or 2: the map of each particle."""
        return self.stack.particles.half if len(self.raw) == 2 else np.ones(len(self.stack), np.int64)


def read(run: Run, tables: Tables, asked: Asked) -> Inputs:
    """Everything read and checked; DataError where the table has no poses or is subtracted already."""
    if described(tables) is not None:
        raise DataError(f"{tables.source}: its images are subtracted already; --revert gives the original ones back")
    sources = halfmaps.files(tables, asked.map_file, asked.half1, asked.half2, asked.number)
    stack = open_particles(run, tables)
    box, size = _window(stack, asked)
    halfmaps.require_poses(stack, len(sources) == 2, "subtract at")
    memory.require(16 * 8 * stack.box**3, f"maps of {stack.box} pixels")
    raw = halfmaps.read(run, stack, sources)
    if len(raw) == 1:
        run.warn("one map for both half-sets: its noise is taken off both, and their FSC will be a little too high")
    kept = maps.solvent(on_grid(run, asked.mask, stack, contrast=False), asked.mask)
    solvent = np.maximum(_solvent(run, tables, asked, stack), kept)
    if not ((1 - kept) * solvent > 0.5).any():
        raise DataError(f"{asked.mask} keeps the whole particle (see --solvent): nothing would be subtracted")
    whole = [one * solvent for one in _filtered(raw, solvent, asked.lowpass, stack)]
    centre = centre_of_mass(kept) if asked.recenter else np.zeros(3)
    return Inputs(stack, raw, whole, kept, asked.recenter, centre, box, size)


def _window(stack: ParticleSet, asked: Asked) -> tuple[int, int]:
    box = asked.box or stack.box
    size = asked.crop or box
    width = stack.box * stack.pixel_size
    require_within("--lowpass", asked.lowpass or 0, width / 2, width)
    for name, value, most in (("--box", box, stack.box), ("--crop", size, box)):
        if value % 2:
            raise UsageError(f"{name} {value}: an even number of pixels is needed")
        if value > most:
            raise UsageError(f"{name} {value} is larger than the {most} pixels that there are")
    return box, size


def _solvent(run: Run, tables: Tables, asked: Asked, stack: ParticleSet) -> np.ndarray:
    path = maps.find(tables, "mask", asked.solvent, asked.number)
    if path is not None and not asked.solvent and asked.mask and os.path.samefile(path, asked.mask):
        run.note(f"the stream's mask is --mask, {path}: the sphere in the box is taken for that of the whole particle "
                 "(see --solvent)")  # fmt: skip
        path = None
    if path is None:
        return soft_sphere(stack.box, stack.box / 2 - 6, 5)
    return maps.solvent(on_grid(run, path, stack, contrast=False), path)


def _filtered(
    raw: list[np.ndarray], solvent: np.ndarray, lowpass: float | None, stack: ParticleSet
) -> list[np.ndarray]:
    """Half maps weighted by their FSC, the best estimate of the signal in each; one map as it is; then the low-pass."""
    found = raw
    if len(raw) == 2:
        curve = np.clip(fsc(raw[0] * solvent, raw[1] * solvent), 0, 1)
        curve[0] = 1
        curve[crossing(curve, 0.143, independent_under(solvent)) + 1 :] = 0
        found = [apply_radial(one, curve) for one in raw]
    return [lowpassed(one, stack.pixel_size, lowpass) for one in found] if lowpass else found
