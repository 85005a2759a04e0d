"""Micrographs to learn from: working images with the places of their picks, and turned pieces of them."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter
from scipy.spatial import cKDTree

from spa.picking.network import STEP
from spa.picking.working import ACROSS

PIECE = 201  # pixels of a side: 8 m + 1
NEAR = 0.13  # sigma, in diameters, of the hope for a centre about a pick
KNOWN = 0.5  # diameters: nearer than this to a pick is no other centre
MASS = 2 * np.pi * (NEAR * ACROSS / STEP) ** 2  # of one particle in the network's answer
_SCALE, _GAIN, _TONE = 0.06, 0.1, 0.15


@dataclass(frozen=True, eq=False)
class Sample:
    """image (ny, nx) as the network takes it; picks (n, 2) rows and columns in it; expected: particles there are."""

    name: str
    image: np.ndarray
    picks: np.ndarray
    expected: float

    @property
    def rate(self) -> float:
        """Mean of the answer that is right where no pick is known."""
        place = self.image.size / STEP**2
        free = max(place - len(self.picks) * np.pi * (KNOWN * ACROSS / STEP) ** 2, 0.1 * place)
        return float(np.clip((self.expected - len(self.picks)) * MASS / free, 1e-5, 0.5))


@dataclass(frozen=True, eq=False)
class Piece:
    """image (PIECE, PIECE); hope (m, m): the right answer near picks, else NaN; free (m, m): where it is not known."""

    image: np.ndarray
    hope: np.ndarray
    free: np.ndarray
    rate: float


def piece(sample: Sample, rng: np.random.Generator) -> Piece:
    """A part of a micrograph about a place near a pick: turned, mirrored, scaled, its tones changed a little."""
    angle, scale = rng.uniform(0, 2 * np.pi), np.exp(rng.normal(0, _SCALE))
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    if rng.random() < 0.5:
        matrix[:, 1] *= -1
    middle = sample.picks[rng.integers(len(sample.picks))] + rng.uniform(-0.4, 0.4, 2) * PIECE
    middle = np.clip(middle, 0, np.array(sample.image.shape) - 1)
    offset = middle - matrix @ np.full(2, PIECE // 2)
    image = affine_transform(sample.image, matrix, offset, (PIECE, PIECE), order=1, mode="constant")
    rows, columns = np.mgrid[:PIECE:STEP, :PIECE:STEP]
    place = np.stack([rows, columns], -1)
    source = place @ matrix.T + offset
    there = ((source >= 0) & (source <= np.array(sample.image.shape) - 1)).all(-1)
    distance = _nearest((sample.picks - offset) @ np.linalg.inv(matrix).T, place)
    near = there & (distance < KNOWN * ACROSS)
    hope = np.where(near, np.exp(-0.5 * (distance / (NEAR * ACROSS)) ** 2), np.nan).astype(np.float32)
    return Piece(_toned(image, rng), hope, there & ~near, sample.rate)


def _nearest(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Distance (m, m) of each place to the nearest point; infinite beyond a diameter."""
    inside = points[((points > -ACROSS) & (points < PIECE + ACROSS)).all(1)]
    if not len(inside):
        return np.full(place.shape[:2], np.inf)
    return cKDTree(inside).query(place, distance_upper_bound=ACROSS)[0]


def _toned(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other contrast, and more or less of what is coarse: another defocus, thicker ice."""
    blurred = gaussian_filter(image, np.exp(rng.uniform(np.log(0.8), np.log(6))))
    changed = image + np.float32(rng.normal(0, _TONE)) * blurred
    return (changed * np.float32(np.exp(rng.normal(0, _GAIN)))).astype(np.float32)
