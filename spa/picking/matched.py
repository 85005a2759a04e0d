"""The matched filter for a shape seen through the CTF in coloured noise.

The score is the likelihood ratio's square root: whitened template against whitened image, divided by the length of that
part of the template which lies inside the image, so that particles cut by the edge are judged by what is there of them.
It is given in standard deviations of the background. Turin, IRE Trans. Inf. Theory 6 (1960) 311; for micrographs
Sigworth, J. Struct. Biol. 145 (2004) 111.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.image.peaks import largest_about, maxima
from spa.image.quantiles import median
from spa.picking.beside import explained
from spa.picking.field import Field
from spa.picking.shapes import Shape

_LEAST_INSIDE = 0.25  # of a template's energy
_SAMPLE = 10_000  # pixels that tell the spread of scores
_NOISE = 3.0  # sd: what noise alone may reach
_MIDDLE = 0.3  # of the diameter: the standard deviation of the window in which density is told
_CERTAIN = 20.0  # twice the log-likelihood ratio of what needs no more evidence


@dataclass(frozen=True)
class Ground:
    """Level and spread of one angle's correlation where there are no particles."""

    level: np.float32
    spread: np.float32


@dataclass(frozen=True, eq=False)
class Compared:
    """best, worst (ny, nx): largest and smallest correlation over the in-plane angles; ground: of the usual angle.

    inside (ny, nx): the share of the templates' energy that lies in the image, None where it was not asked for.
    """

    best: np.ndarray
    worst: np.ndarray
    ground: Ground
    inside: np.ndarray | None


def score_map(field: Field, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """(score, decoy score), each (ny, nx) float32 in sd of the background; the decoy is the shape inverted.

    An elongated shape takes the best of its in-plane angles (for the decoy as well). What tells the threshold is picked
    from next: the field keeps the maps.
    """
    if field.scored is None or field.scored[0] is not shape:
        found = (field.compare or compared)(field, shape, True)
        ground = found.ground
        assert found.inside is not None
        whole = np.sqrt(np.maximum(found.inside, _LEAST_INSIDE)) * ground.spread
        field.scored = shape, ((found.best - ground.level) / whole, (ground.level - found.worst) / whole)
    return field.scored[1]


def quick_map(field: Field, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """The same, but particles at the edge score by what lies inside alone: for comparing shapes."""
    found = (field.compare or compared)(field, shape, False)
    ground = found.ground
    return (found.best - ground.level) / ground.spread, (ground.level - found.worst) / ground.spread


def compared(field: Field, shape: Shape, covered: bool) -> Compared:
    """A shape against a field, at all its angles; covered: whether what lies inside is asked for."""
    best = worst = np.zeros(0, np.float32)
    templates: list[np.ndarray] = []
    samples: list[np.ndarray] = []
    for spectrum in shape.spectra(field.kx, field.ky):
        template = spectrum * field.passed
        template /= np.float32(_length(template, field.frame[1]))
        score = field.unframed(field.white_ft * template)
        best = np.maximum(best, score) if templates else score
        worst = np.minimum(worst, score) if templates else score
        templates.append(template)
        samples.append(score.ravel()[:: sampled(score.size)])
    return Compared(best, worst, usual(samples), _inside(field, templates) if covered else None)


def _inside(field: Field, templates: list[np.ndarray]) -> np.ndarray:
    """The share of the energy of whitened templates, spectra of length 1, that lies inside the image."""
    energy = sum(np.square(fft.irfft2(template, field.frame[1])) for template in templates)
    total = float(np.sum(energy, dtype=np.float64))
    return field.unframed(field.cover_ft * fft.rfft2(energy)) / np.float32(total if total > 0 else 1)


def _length(spectrum: np.ndarray, nx: int) -> float:
    """Length of the image whose half spectrum this is (Parseval)."""
    twice = 2.0 * np.asarray(np.sum(np.square(spectrum), axis=0, dtype=np.float64))
    twice[0] /= 2
    if nx % 2 == 0:
        twice[-1] /= 2
    return max(float(np.sqrt(twice.sum() / (spectrum.shape[0] * nx))), 1e-30)


def sampled(size: int) -> int:
    """The step between the pixels, of so many, that tell the spread of scores."""
    return max(1, size // _SAMPLE)


def usual(samples: Sequence[np.ndarray]) -> Ground:
    """The median ground over angles, from some of the pixels of each."""
    grounds = [_ground(sample) for sample in samples]
    level, spread = ([getattr(one, name) for one in grounds] for name in ("level", "spread"))
    return Ground(np.float32(median(np.array(level))), np.float32(median(np.array(spread))))


def _ground(sample: np.ndarray) -> Ground:
    quarters = [len(sample) // 4, len(sample) // 2, 3 * len(sample) // 4]
    low, level, high = np.sort(sample)[quarters]  # four times as fast as np.partition
    return Ground(np.float32(level), np.float32(max(float(high - low) / 1.34898, 1e-12)))


def contest(
    score: np.ndarray, decoy: np.ndarray, spacing: float, free: Callable[[np.ndarray], np.ndarray] = np.asarray,
    diameter: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the maxima of both above 0 that hold within ``spacing`` pixels against each other's, best first.

    free: of points (n, 2), those that count (`Field.free`): nothing is picked on junk, and what is found on it tells
    nothing of the noise beside it.

    A place is either's, whose score is the higher there (target-decoy competition, Elias & Gygi, Nat. Methods 4 (2007)
    207): so what rings about a particle is no decoy, and both win equally often where there is noise alone.
    """
    points = free(maxima(np.maximum(score, decoy), 0.0, spacing))
    best = np.maximum(score[points[:, 0], points[:, 1]], decoy[points[:, 0], points[:, 1]])
    points = points[~explained(points, best, diameter)]
    targets, decoys = score[points[:, 0], points[:, 1]], decoy[points[:, 0], points[:, 1]]
    won = targets > decoys
    return targets[won], decoys[~won]


def evidence(field: Field, shape: Shape, spacing: float) -> float:
    """How much of the micrograph the shape explains: score^2 - 9 summed over peaks of more than 3 sd, less decoys.

    Beyond 20 what a peak counts grows with its score alone (Huber, Ann. Math. Stat. 35 (1964) 73): it is certain then,
    and the few views, or lumps of dirt, that stand out most should not tell the shape of all.
    Each of n in-plane angles has a prior of 1/n, so that a peak of a long shape pays 2 ln n for its angle (a
    log-likelihood ratio is half a squared score), and decoys take off what noise gives. spacing in angstroms:
    peaks nearer than that count once, so that a small shape gains nothing by finding both ends of a large particle.
    """
    width = max(3, int(np.sqrt(2) * spacing / field.pixel_size) | 1)
    price = _NOISE**2 + 2 * np.log(shape.angles)
    tops = (_window_tops(score, width, float(np.sqrt(price))) for score in quick_map(field, shape))
    explained, chance = (float(_huber(np.square(found, dtype=np.float64) - price).sum()) for found in tops)
    return explained - chance


def _huber(values: np.ndarray) -> np.ndarray:
    return np.where(values < _CERTAIN, values, 2 * np.sqrt(_CERTAIN * np.maximum(values, _CERTAIN)) - _CERTAIN)


def _window_tops(score: np.ndarray, width: int, least: float) -> np.ndarray:
    """Scores above least that are the largest in a square window about them, as the pixels come."""
    return score[(score > least) & (score >= largest_about(score, width // 2))]


def local_power(field: Field, radius: float) -> np.ndarray:
    """Power of the whitened image in a disc of ``radius`` angstroms, over its median: 1 is usual, dirt has more."""
    y, x = (np.minimum(np.arange(n), n - np.arange(n)) * field.pixel_size for n in field.frame)
    disc_ft = fft.rfft2((np.hypot(y[:, None], x[None]) <= radius).astype(np.float32))
    white = field.unframed(field.white_ft)
    power = field.unframed(field.framed(np.square(white)) * disc_ft)
    power /= np.maximum(field.unframed(field.cover_ft * disc_ft), 1)
    return np.maximum(power, 0) / max(median(power), 1e-20)


def local_level(field: Field, diameter: float) -> np.ndarray:
    """How much denser each place is than what is about it, over a particle's middle; in robust sd of all places.

    Ice crystals and the tips of carbon that score as particles do, by their edges, are far denser than these.
    """
    middle = np.exp(-2 * (np.pi * _MIDDLE * diameter * field.k) ** 2).astype(np.float32)
    level = field.unframed(field.framed(field.image) * middle)
    there = (level if field.clear is None or not field.clear.any() else level[field.clear]).ravel()
    usual_ = _ground(there[:: sampled(there.size)])
    return (level - usual_.level) / usual_.spread
