"""Where a micrograph is unlike most of itself, over more than a particle's width.

Two figures at every place are compared with the micrograph's own bulk: the grey level (crystals and lumps are dark,
cracks and empty holes bright) and the energy of the finest detail (carbon, thick and crystalline ice, edges). A place
far off the bulk is junk with all around it that is off as well, if that is wider than a particle: what is as narrow is
one, perhaps.
"""

from dataclasses import dataclass

import numpy as np

from spa.image.quantiles import median
from spa.image.regions import depth, regions, within
from spa.junk.blur import blurred
from spa.junk.clumps import clumps
from spa.junk.ground import Ground, deviation, level_off

_FAR, _OFF = 6.0, 3.5  # robust standard deviations of the bulk: to be junk, to belong to it
_MUCH, _BLUR, _EDGE = 0.3, 0.1, 0.4  # of a region's worst
_SAMPLE = 100_000  # values that tell the bulk
_ENERGY = np.log(1.8)  # a change in energy that is never junk


@dataclass(frozen=True)
class Judged:
    """mask (ny, nx) of bool, True for junk, in the pixels of the ground; level and energy in deviations of the bulk."""

    mask: np.ndarray
    level: np.ndarray
    energy: np.ndarray


def junk(ground: Ground, diameter: float) -> Judged:
    """The junk, wider than particles of a diameter (angstroms)."""
    radius = diameter / 2 / ground.pixel_size
    image = np.clip(ground.image, -200, 200)
    level = _standing_out(blurred(image, 0.7 * radius))
    fine = np.clip(blurred(image, 0.7) - blurred(image, 1.4), -20, 20)
    energy = _standing_out(np.log(blurred(fine * fine, 1.0 * radius) + 1e-6), _ENERGY, 4 * radius)
    grainy = _wide(energy, 2 * radius, _EDGE)
    found = grown(_wide(level, 1.5 * radius, _BLUR), 0.5 * radius) | grainy
    if grainy.any() and not found.all():
        apart = grown(grainy, 0.5 * radius) | found
        level = _level(image, 0.7 * radius, apart)
        found |= grown(_wide(level, 1.5 * radius, _BLUR), 0.5 * radius)
    found |= clumps(np.where(found, 0, -level), radius)
    return Judged(found, level, energy)


def _level(image: np.ndarray, width: float, apart: np.ndarray) -> np.ndarray:
    """How far the grey level stands out from the bulk's; 0 ``apart``, on what is junk already.

    That has no say: beside much carbon the ground would be a slope towards it, on which crystals are nothing.
    """
    share = (~apart).astype(np.float32)
    level = blurred(level_off(image, ~apart) * share, width) / np.maximum(blurred(share, width), 0.1)
    there = level[~apart]
    return np.where(apart, 0, (level - np.float32(median(there))) / max(deviation(there), 1e-9))


def _standing_out(values: np.ndarray, least: float = 0.0, near: float = np.inf) -> np.ndarray:
    """How far values lie off the bulk, in its robust deviations, of which one is at least ``least``/6.

    Of two kinds of ground, where a quarter is carbon, the median and the deviation from it are of neither: the bulk is
    the densest half, and its deviation that of values from those ``near`` by (pixels), if these are known to be alike.
    """
    if not np.isfinite(near):
        return (values - np.float32(median(values))) / max(deviation(values), 1e-9)
    spread = deviation(values)
    for lines in (values, values.T):
        if near < len(lines) / 2:
            lag = round(near)
            spread = min(spread, deviation(lines[lag:] - lines[:-lag]) / np.sqrt(2))
    return (values - _densest(values)) / max(spread, least / _FAR, 1e-9)


def _densest(values: np.ndarray) -> float:
    """The median of the shortest stretch that holds half of the values."""
    order = np.sort(values.ravel()[:: max(1, values.size // _SAMPLE)])
    half = len(order) // 2
    first = int(np.argmin(order[half:] - order[: len(order) - half]))
    return float(order[first + half // 2])


def _wide(off: np.ndarray, radius: float, blur: float) -> np.ndarray:
    """Regions that are off, have a place that is far off, and hold a disc of this radius (pixels) of much of that.

    Of a region as far off as a crystal only what is off by a part (``blur``) of its worst counts.
    """
    found = np.zeros(off.shape, bool)
    for side in (off, -off):
        if side.max() <= _FAR:
            continue
        where, number = regions(side > _OFF)
        worst = _largest(side, where, number)
        worst[0] = np.inf
        much = np.pad(side > np.maximum(_OFF, _MUCH * worst)[where], 1)
        deepest = _largest(depth(much, radius)[1:-1, 1:-1], where, number)
        good = (worst > _FAR) & (deepest >= radius)
        found |= good[where] & (side > (blur * worst)[where])
    return found


def _largest(values: np.ndarray, where: np.ndarray, number: int) -> np.ndarray:
    """(number + 1,) the largest of the values in each region; 0 for what is in none."""
    found = np.zeros(number + 1)
    inside = np.nonzero(where)
    np.maximum.at(found, where[inside], values[inside])
    return found


def grown(mask: np.ndarray, radius: float) -> np.ndarray:
    """With all that is nearer than this (pixels)."""
    return within(mask, radius) if mask.any() else mask
