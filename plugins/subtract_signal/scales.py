"""The grey scale of the map in the particles, from one pass over the images."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.image.disc import coefficients, disc, shell_mean
from spa.job.particles import ParticleSet
from spa.job.run import Run
from spa.job.subtraction import view_of
from spa.search.scale import particle_scales, set_scale
from spa.subtract.scale import shell_factors
from spa.subtract.views import Views, agreement, shell_products, signal
from spa.volume.shells import apply_radial
from spa_plugins.subtract_signal.inputs import Inputs

SAMPLE = 512  # images that the power spectrum is taken from
CALIBRATION = 1000  # images of each half-set that the shells' factors are fitted to
NO_SIGNAL = (
    "the images do not have the map's signal at the poses of the table (its scale in them is {:.3g}): "
    "are contrast, hand and poses those of the map?"
)
CHUNK = 2**23  # pixels that are worked on together


@dataclass(frozen=True, eq=False)
class Scales:
    """rows whose images can be used; scale (n,) of all rows; removed: what it is the scale of, for each half."""

    rows: np.ndarray
    scale: np.ndarray
    removed: list[np.ndarray]


def chunks(rows: np.ndarray, box: int) -> list[np.ndarray]:
    """Rows in parts that are read and worked on together."""
    size = max(1, min(512, CHUNK // box**2))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def key(rows: np.ndarray) -> str:
    return f"rows {rows[0] + 1} to {rows[-1] + 1}"


def views(stack: ParticleSet, half: np.ndarray) -> Views:
    """How the particles are seen at the poses that the table has."""
    found = stack.particles
    optics = stack.voltage, stack.cs, stack.contrast, stack.group, stack.aberrations
    return view_of(found, optics, found.euler, found.origin, stack.pixel_size, half)


def fitted(run: Run, given: Inputs, kind: str) -> Scales:
    """Scales of a kind: particle, set, or none (1). DataError where the images do not have the map's signal."""
    stack, everyone = given.stack, np.arange(len(given.stack))
    if kind == "none":
        return Scales(everyone, np.ones(len(stack)), given.removed)
    who, weight = views(stack, given.half), 1 / power(stack)
    removed, left, level = _calibrated(run, given, who, weight)
    parts = [signal(one, stack.pixel_size, run.threads) for one in (removed, left)]

    def work(rows: np.ndarray) -> dict[str, Any]:
        good, images, errors = stack.usable(rows)
        cross, norm = agreement(parts, who.take(good), images, weight[stack.group[good]])
        return {"rows": good.tolist(), "cross": cross.tolist(), "norm": norm.tolist(),
                "errors": [str(error) for error in errors]}  # fmt: skip

    done = [result for _, result in run.each(chunks(everyone, stack.box), work, key, "batch")]
    leave_out(run, done)
    rows, cross, norm = (np.array([value for one in done for value in one[name]]) for name in ("rows", "cross", "norm"))
    if not len(rows):
        raise DataError(f"{stack.tables['particles'].where}: none of its {len(stack)} images can be used")
    if set_scale(cross, norm) <= 0:
        raise DataError(NO_SIGNAL.format(set_scale(cross, norm)))
    scale = np.full(len(stack), level * set_scale(cross, norm))
    if kind == "particle":
        scale[rows] = level * particle_scales(cross, norm)
    return Scales(rows, scale, [one / np.float32(level) for one in removed])


def _calibrated(
    run: Run, given: Inputs, who: Views, weight: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray], float]:
    """What goes and what stays with the power that they have in the images, and the factor that what goes grew by.

    A map is blurred by errors of its poses and interpolations, and a part of it that moves is blurred more: each
    shell of each part has a factor of its own, fitted to a sample of the half-set's images.
    """
    stack = given.stack
    parts = [signal(one, stack.pixel_size, run.threads) for one in (given.removed, given.left)]
    band, found, level = parts[0].band, [], np.zeros(2)
    noise = 1 / weight.mean(axis=0)
    for half in range(len(given.whole)):
        cross, norm = np.zeros((band.radius + 1, 2)), np.zeros((band.radius + 1, 2, 2))
        for good, images in sample(stack, np.flatnonzero(given.half == half + 1), CALIBRATION):
            one = shell_products(parts, who.take(good), images)
            cross, norm = cross + one[0], norm + one[1]
        factors = shell_factors(cross, norm, noise)
        curves = np.pad(factors.T, ((0, 0), (0, stack.box)), mode="edge")  # to the corners
        found.append([apply_radial(part, curve) for part, curve in
                      zip((given.removed[half], given.left[half]), curves)])  # fmt: skip
        power = norm[:, 0, 0] / noise
        level += ((factors[:, 0] * power).sum(), power.sum())
    if not level[0] > 0:
        raise DataError(NO_SIGNAL.format(0.0))
    removed, left = (list(one) for one in zip(*found))
    return removed, left, float(level[0] / level[1])


def leave_out(run: Run, done: list[dict[str, Any]]) -> None:
    """Name the images that could not be used."""
    for text in (text for result in done for text in result["errors"]):
        run.leave_out(DataError(text))


def sample(stack: ParticleSet, rows: np.ndarray, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Some of rows with their images, evenly from all of them; what cannot be used is passed over."""
    for part in chunks(rows[:: max(1, len(rows) // most)], stack.box):
        good, images, _ = stack.usable(part)
        if len(good):
            yield good, images


def power(stack: ParticleSet) -> np.ndarray:
    """(groups, shells) mean power of the images' coefficients, from a sample; what noise weights are made of."""
    band = disc(stack.box, stack.box // 2 - 1)
    total, count = np.zeros((int(stack.group.max()) + 1, band.radius + 1)), np.zeros(int(stack.group.max()) + 1)
    for good, images in sample(stack, np.arange(len(stack)), SAMPLE):
        part = coefficients(images, band)
        np.add.at(total, stack.group[good], shell_mean(part[:, 0] ** 2 + part[:, 1] ** 2, band))
        np.add.at(count, stack.group[good], 1)
    if not count.any():
        raise DataError(f"{stack.tables['particles'].where}: no image of a sample of {SAMPLE} can be used")
    found = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], total.sum(axis=0) / count.sum())
    found[:, 0] = found[:, 1]
    return np.maximum(found, 1e-12 * found.max())
