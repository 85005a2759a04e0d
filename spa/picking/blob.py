"""Picks of one field by a shape, with what is needed to judge them."""

from dataclasses import dataclass

import numpy as np

from spa.image.peaks import maxima, refined
from spa.picking.field import Field
from spa.picking.matched import local_level, local_power, quick_map, score_map
from spa.picking.shapes import Shape

_SCALES = np.array([0.87, 1.0, 1.15])


@dataclass(frozen=True)
class Picks:
    """xy: (n, 2) pixels of the micrograph; score in sd of the background; power over the usual; level: density, in sd
    of all places; diameter in A."""

    xy: np.ndarray
    score: np.ndarray
    power: np.ndarray
    level: np.ndarray
    diameter: np.ndarray

    def __len__(self) -> int:
        return len(self.score)


def pick(field: Field, shape: Shape, least: float, spacing: float, most: int | None = None) -> Picks:
    """Peaks of the score above ``least``, best first, ``spacing`` angstroms apart, ``most`` at most."""
    score, _ = score_map(field, shape)
    points = field.free(maxima(score, least, spacing / field.pixel_size))[:most]
    at = points[:, 0], points[:, 1]
    return Picks(
        field.to_micrograph(refined(score, points)), score[at], local_power(field, shape.diameter / 2)[at],
        local_level(field, shape.extent)[at], sizes(field, shape, points),
    )  # fmt: skip


def sizes(field: Field, shape: Shape, points: np.ndarray) -> np.ndarray:
    """Diameter (angstroms) at which the scaled shape fits each pick best."""
    if not len(points):
        return np.zeros(0)
    scores = np.stack([quick_map(field, shape.scaled(scale))[0][points[:, 0], points[:, 1]] for scale in _SCALES])
    logs = np.log(_SCALES)
    # the parabola through three scores that are evenly spaced in log(scale)
    slope, curvature = scores[2] - scores[0], scores[0] - 2 * scores[1] + scores[2]
    top = np.where(curvature < 0, -0.5 * slope / np.where(curvature < 0, curvature, 1), np.sign(slope))
    return shape.diameter * np.exp(np.clip(top, -1.5, 1.5) * logs[2])
