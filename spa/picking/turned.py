"""Picks of one field by turned templates, and what noise alone gives them.

The score is locally normalised: the matched filter's, in standard deviations of the micrograph's noise, over the noise
of the place where that is more (the power within a diameter, of which one particle is a quarter), so that carbon, dirt
and edges of ice gain nothing by their contrast.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.image.peaks import maxima, refined
from spa.picking.beside import explained
from spa.picking.correlate import Scores, Templates, scored
from spa.picking.field import Field
from spa.picking.matched import contest, local_level, local_power
from spa.picking.threshold import threshold

_LEAST_INSIDE = 0.25  # of a disc, that lies in the micrograph
_NOISE = 3.0  # sd that noise alone may reach
_APART = 2.0  # how much more evidence the inverted templates may have


@dataclass(frozen=True)
class Turned:
    """xy (n, 2) pixels of the micrograph; score; local power (1 is usual); level: density, in sd of
    all places; template, from 0; psi: RELION's, radians.

    contest: scores of peaks of the templates and of the inverted ones that hold against each other.
    """

    xy: np.ndarray
    score: np.ndarray
    power: np.ndarray
    level: np.ndarray
    template: np.ndarray
    psi: np.ndarray
    contest: tuple[np.ndarray, np.ndarray]

    def __len__(self) -> int:
        return len(self.score)

    def above(self, least: float, most: int | None = None) -> "Turned":
        """Those of at least this score, the best first."""
        rows = np.flatnonzero(self.score >= least)[:most]
        columns = (column[rows] for column in (self.xy, self.score, self.power, self.level, self.template,
                                                   self.psi))  # fmt: skip
        xy, score, power, level, template, psi = columns
        return Turned(xy, score, power, level, template, psi, self.contest)


def peaks(
    field: Field, templates: Templates, diameter: float, spacing: float,
    score: Callable[[Field, Templates], Scores] = scored,
) -> Turned:  # fmt: skip
    """All peaks of a score above 0, best first, ``spacing`` angstroms apart; diameter: of the particle, angstroms.

    score: `spa.picking.correlate.scored`, or its twin on a device.
    """
    scores = score(field, templates)
    power, level = local_power(field, diameter / 2), local_level(field, diameter)
    noise = _noise(field, diameter)
    target, decoy = scores.best / noise, -scores.worst / noise
    points = field.free(maxima(target, 0.0, spacing / field.pixel_size))
    wide = diameter / field.pixel_size
    points = points[~explained(points, target[points[:, 0], points[:, 1]], wide)]
    at = points[:, 0], points[:, 1]
    template, turn = np.divmod(scores.which[at], templates.turns)
    angle = 2 * np.pi * turn / templates.turns
    psi = np.remainder(np.pi - angle, 2 * np.pi) - np.pi  # an image turned by an angle has minus that as its psi
    return Turned(
        field.to_micrograph(refined(target, points)), target[at], power[at], level[at], template, psi,
        contest(target, decoy, spacing / field.pixel_size, field.free, wide),
    )  # fmt: skip


def _noise(field: Field, diameter: float) -> np.ndarray:
    """Noise of each place over the usual, 1 at least; where the disc reaches over the edge, what lies inside counts."""
    strength = np.sqrt(np.maximum(local_power(field, diameter), 1))
    return strength * np.sqrt(np.maximum(_inside(field, diameter), _LEAST_INSIDE))


def _inside(field: Field, diameter: float) -> np.ndarray:
    """Share of the disc about each pixel that lies in the micrograph."""
    y, x = (np.minimum(np.arange(n), n - np.arange(n)) * field.pixel_size for n in field.frame)
    disc = (np.hypot(y[:, None], x[None]) <= diameter / 2).astype(np.float32)
    return field.unframed(field.cover_ft * fft.rfft2(disc)) / np.float32(disc.sum())


def least_score(found: list[Turned]) -> float:
    """Where particles begin, from the peaks of several micrographs; infinity where nothing stands out."""
    return threshold(*map(np.concatenate, zip(*((one.score, *one.contest) for one in found))))


def inverted(found: list[Turned]) -> bool:
    """Whether the templates of inverted contrast explain far more of the micrographs."""
    target, decoy = (
        sum(float(np.maximum(one.contest[side] ** 2 - _NOISE**2, 0).sum()) for one in found) for side in (0, 1)
    )  # fmt: skip
    return decoy > _APART * max(target, 1.0)
