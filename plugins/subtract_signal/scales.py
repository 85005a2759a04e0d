"""The grey scale of the map in the particles, from one pass over the images."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.image.disc import coefficients, disc, shell_mean
from spa.job.particles import ParticleSet
from spa.job.run import Run
from spa.job.subtraction import view_of
from spa.subtract.scale import particle_scales, set_scale
from spa.subtract.views import Views, agreement, signal
from spa_plugins.subtract_signal.inputs import Inputs

SAMPLE = 512  # images that the power spectrum is taken from
CHUNK = 2**23  # pixels that are worked on together


@dataclass(frozen=True, eq=False)
class Scales:
    """rows whose images can be used, and the scale (n,) of all rows."""

    rows: np.ndarray
    scale: np.ndarray


def chunks(rows: np.ndarray, box: int) -> list[np.ndarray]:
    """Rows in parts that are read and worked on together."""
    size = max(1, min(512, CHUNK // box**2))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def key(rows: np.ndarray) -> str:
    return f"rows {rows[0] + 1} to {rows[-1] + 1}"


def views(stack: ParticleSet, half: np.ndarray) -> Views:
    """How the particles are seen at the poses that the table has."""
    found = stack.particles
    optics = stack.voltage, stack.cs, stack.contrast
    return view_of(found, optics, found.euler, found.origin, stack.pixel_size, half)


def fitted(run: Run, given: Inputs, kind: str) -> Scales:
    """Scales of a kind: particle, set, or none (1). DataError where the images do not have the map's signal."""
    stack, everyone = given.stack, np.arange(len(given.stack))
    if kind == "none":
        return Scales(everyone, np.ones(len(stack)))
    who, seen = views(stack, given.half), signal(given.whole, stack.pixel_size, run.threads)
    weight = 1 / power(stack)

    def work(rows: np.ndarray) -> dict[str, Any]:
        good, images, errors = stack.usable(rows)
        cross, norm = agreement(seen, who.take(good), images, weight[stack.group[good]])
        return {"rows": good.tolist(), "cross": cross.tolist(), "norm": norm.tolist(),
                "errors": [str(error) for error in errors]}  # fmt: skip

    done = [result for _, result in run.each(chunks(everyone, stack.box), work, key, "batch")]
    leave_out(run, done)
    rows, cross, norm = (np.array([value for one in done for value in one[name]]) for name in ("rows", "cross", "norm"))
    if not len(rows):
        raise DataError(f"{stack.tables['particles'].where}: none of its {len(stack)} images can be used")
    if set_scale(cross, norm) <= 0:
        raise DataError("the images do not have the map's signal at the poses of the table (its scale in them is "
                        f"{set_scale(cross, norm):.3g}): are contrast, hand and poses those of the map?")  # fmt: skip
    scale = np.full(len(stack), set_scale(cross, norm))
    if kind == "particle":
        scale[rows] = particle_scales(cross, norm)
    return Scales(rows, scale)


def leave_out(run: Run, done: list[dict[str, Any]]) -> None:
    """Name the images that could not be used."""
    for text in (text for result in done for text in result["errors"]):
        run.leave_out(DataError(text))


def power(stack: ParticleSet) -> np.ndarray:
    """(groups, shells) mean power of the images' coefficients, from a sample; what noise weights are made of."""
    band = disc(stack.box, stack.box // 2 - 1)
    total, count = np.zeros((int(stack.group.max()) + 1, band.radius + 1)), np.zeros(int(stack.group.max()) + 1)
    for rows in chunks(np.arange(len(stack))[:: max(1, len(stack) // SAMPLE)], stack.box):
        good, images, _ = stack.usable(rows)
        if not len(good):
            continue
        part = coefficients(images, band)
        np.add.at(total, stack.group[good], shell_mean(part[:, 0] ** 2 + part[:, 1] ** 2, band))
        np.add.at(count, stack.group[good], 1)
    if not count.any():
        raise DataError(f"{stack.tables['particles'].where}: no image of a sample of {SAMPLE} can be used")
    found = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], total.sum(axis=0) / count.sum())
    found[:, 0] = found[:, 1]
    return np.maximum(found, 1e-12 * found.max())
