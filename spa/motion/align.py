"""Frames to a field of displacements: whole frames first, then patches together, coarse detail first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.image.quantiles import median
from spa.motion import dose as damage
from spa.motion import field, patches, whole
from spa.motion.field import Field, Prior, Told
from spa.motion.ways import HOST, Ways

STAGES = (25.0, 14.0, 9.0)  # angstroms: the finest detail used, before all of it
ROUNDS, LAST_ROUNDS = 2, 4
SWEEPS = 2  # over the parameters of the prior, at every resolution
SPAN = 6  # frames among which the signal is measured before they are aligned
STILL = 0.02  # pixels: a round that moves nothing by more is the last
STEP = 3.0  # pixels that a frame of a patch may move in a round
INFORMATION = 0.985  # of all that there is about shifts: finer detail is left alone


@dataclass(frozen=True)
class Exposure:
    """pixel_size in angstroms, voltage in kV; dose: e per square angstrom and frame (0: not known); before: earlier."""

    pixel_size: float
    voltage: float
    dose: float
    before: float = 0.0

    def doses(self, frames: int, first: int = 0) -> np.ndarray:
        """(frames,) what each has seen at its end; first: frames of the movie before them."""
        return self.before + self.dose * (first + 1 + np.arange(frames))


@dataclass(frozen=True, eq=False)
class Alignment:
    """The field; what patches told in the end; the prior; the finest detail used, angstroms; seen: whether whole frames
    tell how they moved."""

    field: Field
    told: Told
    prior: Prior
    resolution: float
    seen: bool = True


def align(
    frames: Any, factor: int, grid: tuple[int, int], exposure: Exposure, first: int = 0,
    bfactor: float | None = None, ways: Ways = HOST,
) -> Alignment:  # fmt: skip
    """The motion in int8 frames (n, my, mx), decimated by factor (`spa.motion.frames`); pixels are the movie's.

    grid: patches along x and y; 1 x 1 is motion of whole frames only. first: frames of the movie before these.
    bfactor (square pixels): weights exp(-B k^2 / 4), in the place of those that the movie asks for. ways: who computes,
    where the frames lie.
    """
    n, pixel = len(frames), exposure.pixel_size
    low = whole.BFACTOR if bfactor is None else max(whole.BFACTOR, bfactor * pixel**2)
    start, seen = whole.shifts(frames, pixel * factor, exposure.dose, low, ways.shrunk, ways.groups)
    start = start * factor
    damaged = _damage(exposure, n, first)
    cut = ways.cut(frames, patches.layout(frames.shape, factor, _tiles(grid), start, damaged, pixel))
    del frames  # their memory is used again, where the caller keeps none
    basis = field.basis_for(n, exposure.dose, grid)
    now, prior = field.still(basis, start), Prior()
    for resolution in (*STAGES, 0.0):
        highest = min(pixel / resolution if resolution else 1.0, float(np.hypot(cut.at.kx[-1], cut.at.ky.max())))
        if resolution and highest < 4 * cut.at.k[0]:
            continue
        now, prior, told, used = _refined(cut, now, prior, highest, bfactor, last=not resolution)
    return Alignment(now, told, prior, pixel / used, seen)


def _tiles(grid: tuple[int, int]) -> tuple[int, int]:
    """What the frame is cut into: the patches, or quarters where the whole frame is one."""
    return (max(grid[0], 2), max(grid[1], 2))


def _damage(exposure: Exposure, frames: int, first: int) -> Callable[[np.ndarray], np.ndarray]:
    if not exposure.dose:
        return lambda k: np.ones((frames, len(k)))
    doses = exposure.doses(frames, first)
    return lambda k: damage.weights(doses, k / exposure.pixel_size, exposure.voltage)


def _refined(
    cut: patches.Patches, now: Field, prior: Prior, highest: float, bfactor: float | None, last: bool
) -> tuple[Field, Prior, Told, float]:
    """Rounds of scoring at one resolution; each asks all patches where their frames would rather lie, then fits."""
    ends = cut.at.ends(highest)
    moved = now.at(cut.at.points)
    for turn in range(LAST_ROUNDS if last else ROUNDS):
        if turn == 0 or (last and turn == 2):
            signal, sums = patches.signal_in(cut, moved, ends, bfactor, moved.shape[1] if last else SPAN)
            if last and turn == 0:
                highest = _informative(cut.at, signal, ends, highest)
                ends = cut.at.ends(highest)
        else:
            sums = cut.totals(moved, ends)
        strength = signal.strength[:, None]
        bend, certain = (strength * _above(each) for each in patches.precision(cut.at, signal, ends))
        steps = patches.slopes(cut, moved, sums, signal, ends) / bend[..., None]
        told = Told(cut.at.points, moved + np.clip(steps, -STEP, STEP), certain)
        now, prior = field.fitted(now.basis, _trusted(told, moved), prior, SWEEPS if turn == 0 else 0)
        before, moved = moved, now.at(cut.at.points)
        if np.abs(moved - before).max() < STILL:
            break
    return now, prior, told, highest


def _above(each: np.ndarray) -> np.ndarray:
    """(n,) where some say next to nothing, a thousandth of what all say on average."""
    return np.maximum(each, 1e-3 * each.mean() + 1e-12)


def _informative(at: patches.Layout, signal: patches.Signal, ends: np.ndarray, highest: float) -> float:
    """The frequency below which nearly all that is known of the shifts lies."""
    counted = np.bincount(at.ring[at.inside(ends)], minlength=len(at.k))
    told = np.cumsum(counted * signal.weight * signal.power * at.k**2)
    if not told[-1] > 0:
        return highest
    return float(at.k[int(np.searchsorted(told, INFORMATION * told[-1]))])


def _trusted(told: Told, moved: np.ndarray) -> Told:
    """Patches whose frames scatter far more than the others' are trusted less."""
    scatter = (told.precisions[..., None] * (told.displacements - moved) ** 2).mean((1, 2))
    usual = median(scatter)
    share = np.minimum(1, 2.5 * usual / np.maximum(scatter, 1e-30))
    return Told(told.points, told.displacements, told.precisions * share[:, None])
