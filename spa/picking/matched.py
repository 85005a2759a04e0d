"""The matched filter for a shape seen through the CTF in coloured noise.

The score is the likelihood ratio's square root: whitened template against whitened image, divided by the length of that
part of the template which lies inside the image, so that particles cut by the edge are judged by what is there of them.
It is given in standard deviations of the background. Turin, IRE Trans. Inf. Theory 6 (1960) 311; for micrographs
Sigworth, J. Struct. Biol. 145 (2004) 111.
"""

import numpy as np

from spa.image import fft
from spa.image.peaks import maxima
from spa.picking.field import Field
from spa.picking.shapes import Shape

_LEAST_INSIDE = 0.25  # of a template's energy
_SAMPLE = 20_000  # pixels that tell the spread of scores
_NOISE = 3.0  # sd: what noise alone may reach


def score_map(field: Field, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """(score, decoy score), each (ny, nx) float32 in sd of the background; the decoy is the shape inverted.

    An elongated shape takes the best of its in-plane angles (for the decoy as well).
    """
    best, worst, templates = _best_and_worst(field, shape)
    energy = sum(np.square(fft.irfft2(template, field.frame[1])) for template in templates)
    total = float(np.sum(energy, dtype=np.float64))
    inside = field.unframed(field.cover_ft * fft.rfft2(energy)) / np.float32(total if total > 0 else 1)
    whole = np.sqrt(np.maximum(inside, _LEAST_INSIDE))
    return _in_sd(best / whole, worst / whole, len(templates))


def quick_map(field: Field, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """The same, but particles at the edge score by what lies inside alone: for comparing shapes."""
    best, worst, templates = _best_and_worst(field, shape)
    return _in_sd(best, worst, len(templates))


def _best_and_worst(field: Field, shape: Shape) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Largest and smallest correlation over the in-plane angles, and the whitened templates' spectra, of length 1."""
    best = worst = np.zeros(0, np.float32)
    templates: list[np.ndarray] = []
    for spectrum in shape.spectra(field.kx, field.ky):
        template = (spectrum * field.ctf * field.whitening).astype(np.float32)
        template /= np.float32(_length(template, field.frame[1]))
        score = field.unframed(field.white_ft * template)
        best = np.maximum(best, score) if templates else score
        worst = np.minimum(worst, score) if templates else score
        templates.append(template)
    return best, worst, templates


def _length(spectrum: np.ndarray, nx: int) -> float:
    """Length of the image whose half spectrum this is (Parseval)."""
    twice = 2.0 * np.asarray(np.sum(np.square(spectrum), axis=0, dtype=np.float64))
    twice[0] /= 2
    if nx % 2 == 0:
        twice[-1] /= 2
    return max(float(np.sqrt(twice.sum() / (spectrum.shape[0] * nx))), 1e-30)


def _in_sd(best: np.ndarray, worst: np.ndarray, angles: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest correlations, and minus the least ones, in sd of the background; of one angle both are the same."""
    if angles == 1:
        score = best / _spread(best)
        return score, -score
    return best / _spread(best), -worst / _spread(worst)


def _spread(score: np.ndarray) -> np.float32:
    sample = score.ravel()[:: max(1, score.size // _SAMPLE)]
    quarters = len(sample) // 4, 3 * len(sample) // 4
    low, high = np.partition(sample, quarters)[list(quarters)]
    spread = (high - low) / 1.34898
    return np.float32(max(float(spread), 1e-12))


def peak_scores(score: np.ndarray, spacing: float) -> np.ndarray:
    """Scores of the maxima above 0, best first, at least ``spacing`` pixels apart."""
    points = maxima(score, 0.0, spacing)
    return score[points[:, 0], points[:, 1]]


def evidence(field: Field, shape: Shape, spacing: float) -> float:
    """How much of the micrograph the shape explains: score^2 - 9 summed over peaks of more than 3 sd, less decoys.

    Each of n in-plane angles has a prior of 1/n, so that a peak of a long shape pays 2 ln n for its angle (a
    log-likelihood ratio is half a squared score), and decoys take off what noise gives. spacing in angstroms:
    peaks nearer than that count once, so that a small shape gains nothing by finding both ends of a large particle.
    """
    width = max(3, int(np.sqrt(2) * spacing / field.pixel_size) | 1)
    price = _NOISE**2 + 2 * np.log(shape.angles)
    tops = (_window_tops(score, width, float(np.sqrt(price))) for score in quick_map(field, shape))
    explained, chance = (float(np.sum(np.square(found, dtype=np.float64) - price)) for found in tops)
    return explained - chance


def _window_tops(score: np.ndarray, width: int, least: float) -> np.ndarray:
    """Scores above least that are the largest in a square window about them, as the pixels come."""
    half = width // 2
    high = np.pad(score, 1, constant_values=-np.inf)
    middle = high[1:-1, 1:-1]
    y, x = np.nonzero((middle > least) & (middle >= high[:-2, 1:-1]) & (middle >= high[2:, 1:-1])
                      & (middle >= high[1:-1, :-2]) & (middle >= high[1:-1, 2:]))  # fmt: skip
    found = [
        score[row, column] for row, column in zip(y.tolist(), x.tolist())
        if score[max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1].max()
        <= score[row, column]
    ]  # fmt: skip
    return np.array(found, np.float32)


def local_power(field: Field, radius: float) -> np.ndarray:
    """Power of the whitened image in a disc of ``radius`` angstroms, over its median: 1 is usual, dirt has more."""
    y, x = (np.minimum(np.arange(n), n - np.arange(n)) * field.pixel_size for n in field.frame)
    disc_ft = fft.rfft2((np.hypot(y[:, None], x[None]) <= radius).astype(np.float32))
    white = field.unframed(field.white_ft)
    power = field.unframed(field.framed(np.square(white)) * disc_ft)
    power /= np.maximum(field.unframed(field.cover_ft * disc_ft), 1)
    return np.maximum(power, 0) / max(float(np.median(power)), 1e-20)
