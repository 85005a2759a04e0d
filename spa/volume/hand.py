"""The hand of a map, from its alpha helices, which are right-handed.

Pieces of helix of both hands are laid on the map in all directions (their screw makes turns about the axis shifts along
it); where either fits well, the right-handed one should fit better. A mirrored map gives the opposite; a map that has
no helices, or shows none of their turns (5.4 A apart: one of 6 A or coarser), gives neither.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spa.errors import DataError
from spa.image import fft
from spa.volume.bands import Map, sampled
from spa.volume.shells import cropped, power, radii, raised_cosine

RISE, TURN = 1.5, np.deg2rad(100)  # a residue along the helix
ATOMS = ((2.3, 0.0, 0.0, 6.0), (1.55, -0.46, -0.9, 7.0), (1.7, 0.49, 1.1, 6.0), (2.0, 0.42, 2.3, 8.0),
         (3.3, -0.29, -0.5, 6.0))  # CA, N, C, O, CB of a residue: radius, turn (radians) and rise from CA, electrons
RESIDUES = 13
COARSE = 12.0  # angstroms: what is coarser tells no turns
FINEST = 4.0  # angstroms: finer detail is that of side chains
DIRECTIONS = 300
APART = 6.0  # angstroms between two places
PLACES = 400
BEST = 6  # power of the fit that is a place's weight: the best fits are helices
SURE = 4.0  # standard errors
ALIKE = 0.2  # correlation of neighbours: less is chance
FEWEST = 8  # places
LEAST = 0.02  # of the fit: less may come from the directions' steps
WINDOW = 6.0  # angstroms, standard deviation: of the map that a piece is compared with


@dataclass(frozen=True)
class Hand:
    """places: where helices may be, so many as tell anything new; right: the part that is right-handed (0 to 1);
    gain: by how much better the right hand fits, of the fit; score: that in standard errors."""

    places: int
    right: float
    gain: float
    score: float

    @property
    def told(self) -> bool:
        """Whether it is sure."""
        return self.places >= FEWEST and abs(self.score) >= SURE and abs(self.gain) >= LEAST


def hand_of(volume: np.ndarray, pixel_size: float, resolution: float, mask: np.ndarray, run: Map = map) -> Hand:
    """Which hand a map (n, n, n) has within a mask, as far as it is resolved (angstroms).

    DataError where the mask is empty.
    """
    spectrum, size, pixel, band = _prepared(volume, pixel_size, max(resolution, FINEST))
    shown = fft.irfft3(spectrum, size)
    near = ndimage.gaussian_filter(shown**2, WINDOW / pixel, mode="wrap")
    inside = sampled(np.asarray(mask, np.float32), size) > 0.5
    if not inside.any():
        raise DataError("the mask is empty")
    level = 1 / np.sqrt(np.maximum(near, 0.05 * near[inside].mean() + 1e-30))

    def best(some: np.ndarray) -> np.ndarray:
        found = np.full((2, size, size, size), -np.inf, np.float32)
        for direction in some:
            for one, side in enumerate((1, -1)):
                piece = _spectrum(_helix(direction, side), size, pixel) * band
                piece /= np.sqrt((np.abs(piece) ** 2).sum())
                np.maximum(found[one], fft.irfft3(spectrum * piece.conj(), size), out=found[one])
        return found

    right, left = np.max(list(run(best, np.array_split(_sphere(DIRECTIONS), 10))), 0) * level
    places = _peaks(np.where(inside, np.maximum(right, left), -np.inf), APART / pixel)
    fit = np.maximum(right, left).ravel()[places]
    return _judged((right - left).ravel()[places] / fit, fit)


def _judged(gain: np.ndarray, fit: np.ndarray) -> Hand:
    """From what the right hand gains at places (p,), the best first, and how well the better hand fits there.

    The copies of a symmetric map fit alike and gain alike: they stand side by side, and count by how far that goes
    (integrated autocorrelation).
    """
    if len(gain) < 3:
        return Hand(len(gain), 0.5, 0.0, 0.0)
    weight = (np.maximum(fit, 0) / fit[0]) ** BEST
    count = float(weight.sum() ** 2 / (weight**2).sum())
    first = np.arange(min(len(gain), max(int(2 * count), 3)))
    rest = gain[first] - np.polyval(np.polyfit(first, gain[first], 1), first)  # good fits gain more than bad ones
    whole = float((rest**2).sum()) + 1e-30
    alike = 1.0
    for lag in range(1, len(rest) // 2):
        part = float((rest[lag:] * rest[:-lag]).sum()) / whole
        if part < max(ALIKE, 2 / np.sqrt(len(rest))):
            break
        alike += 2 * part
    right, mean = (float(np.average(one, weights=weight)) for one in (gain > 0, gain))
    error = float(np.sqrt(np.average((gain - mean) ** 2, weights=weight) * alike / count))
    return Hand(int(round(count / alike)), right, mean, mean / max(error, 1e-9))


def _prepared(volume: np.ndarray, pixel_size: float, resolution: float) -> tuple[np.ndarray, int, float, np.ndarray]:
    """The map's spectrum with even amplitudes between COARSE and the resolution, on a grid that holds it."""
    n = len(volume)
    wide = n * pixel_size
    size = min(n - n % 2, fft.good_size(int(np.ceil(2.6 * wide / resolution))))
    edge = min(wide / resolution, size / 2 - 2)
    shell = radii(size)
    band = raised_cosine(shell, edge - 1, edge + 1) * (1 - raised_cosine(shell, wide / COARSE - 1, wide / COARSE + 1))
    even = 1 / np.sqrt(np.maximum(power(volume), 1e-30))
    index = np.minimum(np.rint(shell).astype(int), n // 2)
    return cropped(fft.rfft3(volume), size) * even[index] * band, size, wide / size, band


def _helix(direction: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Atoms (n, 3) x y z in angstroms of a piece along a direction, and their electrons; side -1: its mirror image."""
    across = np.cross(direction, [1.0, 0, 0] if abs(direction[0]) < 0.8 else [0, 1.0, 0])
    across /= np.linalg.norm(across)
    other = side * np.cross(direction, across)
    number = np.arange(RESIDUES) - RESIDUES // 2
    radius, turn, rise, electrons = (np.array(one)[:, None] for one in zip(*ATOMS))
    angle, height = turn + TURN * number, rise + RISE * number
    atoms = (radius * np.cos(angle))[..., None] * across + (radius * np.sin(angle))[..., None] * other
    return (atoms + height[..., None] * direction).reshape(-1, 3), np.broadcast_to(electrons, angle.shape).ravel()


def _spectrum(atoms: tuple[np.ndarray, np.ndarray], size: int, pixel_size: float) -> np.ndarray:
    """The half spectrum (size, size, size//2+1) of atoms about the origin, each a voxel shared by its neighbours."""
    grid = np.zeros((size,) * 3, np.float32)
    place = atoms[0][:, ::-1] / pixel_size
    low = np.floor(place).astype(int)
    for corner in np.ndindex(2, 2, 2):
        part = np.prod(np.where(corner, place - low, 1 - place + low), 1)
        np.add.at(grid, tuple(((low + corner) % size).T), (part * atoms[1]).astype(np.float32))
    return fft.rfft3(grid)


def _sphere(count: int) -> np.ndarray:
    """About (count, 3) directions, evenly over the sphere, and the mirror image of each: both hands have the same."""
    z = 1 - (2 * np.arange(count) + 1) / count
    angle = np.pi * (1 + 5**0.5) * np.arange(count)
    ring = np.sqrt(1 - z**2)
    found = np.stack([ring * np.cos(angle), ring * np.sin(angle), z], 1)
    half = found[found[:, 0] > 0]
    return np.concatenate([half, half * (-1, 1, 1)])


def _peaks(score: np.ndarray, apart: float) -> np.ndarray:
    """The flat indices of the highest maxima that are so far apart (voxels)."""
    reach = max(int(np.ceil(apart)), 1)
    highest = np.flatnonzero((score == ndimage.maximum_filter(score, 2 * reach + 1, mode="wrap")) & np.isfinite(score))
    return highest[np.argsort(-score.ravel()[highest], kind="stable")][:PLACES]
