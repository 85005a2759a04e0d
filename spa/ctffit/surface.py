"""The surface of the defocus over a micrograph: a constant, a plane, or with curves, as far as tiles left out agree.

Every degree is fitted without the tiles of one block and those that overlap it, and judged by the block's likelihood
(h-block cross-validation: Burman, Chow & Nolan, Biometrika 81 (1994) 351). A degree more is taken when the tiles left
out are likelier under it, by three times the error of the gain: particles are not all at one height, and tiles with
few of them differ for that reason alone.
"""

from dataclasses import dataclass

import numpy as np

from spa.ctffit.local import Waves
from spa.ctffit.tiles import Tiles
from spa.image.surface import Surface, basis

_DEGREE = 4  # at most
_STEEPEST = np.tan(np.radians(50.0))
_LEAST = 4.0  # nats that a degree more must gain
_SURE = 3.0  # and how many times the gain's standard error
_ROUNDS = 8


@dataclass(frozen=True)
class Ground:
    """What surfaces are fitted on: the tiles' waves, their places' basis (n, terms), and the steepest plane (the
    largest coefficients of x and y, angstroms)."""

    waves: Waves
    basis: np.ndarray
    steepest: np.ndarray


def fit_surface(waves: Waves, tiles: Tiles, pixel_size: float, defocus: float) -> Surface:
    """The surface (angstroms, to add to the mean ``defocus``); a constant where tiles tell of nothing more."""
    scaled = np.abs((2 * tiles.centre + 1) / np.array(tiles.shape[::-1]) - 1).max(axis=0)
    reach = (float(scaled[0]), float(scaled[1]))
    steepest = _STEEPEST * np.array(tiles.shape[::-1]) * pixel_size / 2
    ground = Ground(waves, basis(tiles.centre, tiles.shape, reach, _DEGREE), np.minimum(steepest, 0.8 * defocus))
    planes, scores = _planes(ground)
    everyone, folds = np.ones(len(tiles.centre), bool), _folds(tiles)
    found = _kept(ground, planes, scores, folds, everyone)
    return Surface(tiles.shape, reach, found)


def _kept(
    ground: Ground, planes: np.ndarray, scores: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], all_: np.ndarray
) -> np.ndarray:
    """The coefficients of the degree that is worth its terms; one degree that gains nothing may be passed over."""
    fewest = min((int(train.sum()) for _, train in folds), default=0)
    trains = [all_, *(train for _, train in folds)]
    fits = [_fitted(ground, _start(planes, scores, train, 0), train) for train in trains]
    kept, held, kept_degree = fits[0], _held(ground, fits[1:], folds), 0
    for degree in range(1, _DEGREE + 1):
        terms = (degree + 1) * (degree + 2) // 2
        if 2 * terms > fewest or degree > kept_degree + 2:
            break
        starts = [_start(planes, scores, t, 1) if degree == 1 else _grown(old, terms) for old, t in zip(fits, trains)]
        fits = [_fitted(ground, start, train) for start, train in zip(starts, trains)]
        new = _held(ground, fits[1:], folds)
        gains = new - held
        if gains.sum() >= max(_LEAST, _SURE * np.sqrt(len(gains)) * gains.std()):
            kept, held, kept_degree = fits[0], new, degree
    return kept


def _held(ground: Ground, fits: list[np.ndarray], folds: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The score of each block under the surface that was fitted without it."""
    return np.array([_score(ground, fit, out) for fit, (out, _) in zip(fits, folds)])


def _planes(ground: Ground) -> tuple[np.ndarray, np.ndarray]:
    """Planes to start from (p, 3): constant, and slopes along x and y; and each tile's score of each (n, p)."""
    waves, (x, y) = ground.waves, ground.steepest
    power = (waves.sine**2 + waves.cosine**2).mean(axis=0)
    typical = float((waves.rate * power).sum() / max(power.sum(), 1e-30))  # radians for each angstrom
    step = 1.2 / typical
    offsets = np.linspace(-1, 1, 5) * step / 2
    along = [np.arange(-np.ceil(end / step), np.ceil(end / step) + 1) * step for end in (x, y)]
    planes = np.stack(np.meshgrid(offsets, *along, indexing="ij"), axis=-1).reshape(-1, 3)
    planes = planes[((planes[:, 1:] / ground.steepest) ** 2).sum(axis=1) <= 1.5]
    delta, table = waves.table(float(x + y + step))
    place = np.rint((ground.basis[:, :3] @ planes.T - delta[0]) / (delta[1] - delta[0])).astype(int)
    return planes, np.take_along_axis(table, np.clip(place, 0, len(delta) - 1), axis=1)


def _start(planes: np.ndarray, scores: np.ndarray, tiles: np.ndarray, degree: int) -> np.ndarray:
    """The likeliest plane (or constant) for some tiles."""
    total = scores[tiles].sum(axis=0)
    if degree == 0:
        total = np.where((planes[:, 1:] == 0).all(axis=1), total, -np.inf)
    return planes[int(np.argmax(total))][: 1 if degree == 0 else 3]


def _grown(coefficients: np.ndarray, terms: int) -> np.ndarray:
    return np.pad(coefficients, (0, terms - len(coefficients)))


def _score(ground: Ground, coefficients: np.ndarray, tiles: np.ndarray) -> float:
    delta = ground.basis[:, : len(coefficients)] @ coefficients
    return float(ground.waves.at(delta)[0][tiles].sum())


def _fitted(ground: Ground, start: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """The maximum for some tiles, by Fisher's scoring with steps that are halved until they gain."""
    matrix = ground.basis[:, : len(start)] * tiles[:, None]
    fisher = matrix.T @ (matrix * ground.waves.information[:, None])
    fisher += 1e-9 * np.trace(fisher) * np.eye(len(fisher)) + 1e-30 * np.eye(len(fisher))
    found, (scores, slopes) = start, ground.waves.at(ground.basis[:, : len(start)] @ start)
    for _ in range(_ROUNDS):
        step = np.linalg.solve(fisher, matrix.T @ slopes)
        for _ in range(4):
            new, new_slopes = ground.waves.at(ground.basis[:, : len(start)] @ (found + step))
            gain = float((new - scores)[tiles].sum())
            if gain > 0:
                break
            step = step / 2
        else:
            return found
        found, scores, slopes = found + step, new, new_slopes
        if gain < 1e-3:
            break
    return found


def _folds(tiles: Tiles) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each block of tiles: which are in it, and which neither are nor overlap one (n,) of bool."""
    across = [np.unique(tiles.centre[:, axis]) for axis in (0, 1)]
    block = [max(1, int(np.ceil(len(line) / 5))) for line in across]
    number = [np.searchsorted(line, tiles.centre[:, axis]) // block[axis] for axis, line in enumerate(across)]
    name = number[0] * 1000 + number[1]
    folds = []
    for one in np.unique(name):
        out = name == one
        apart = np.abs(tiles.centre[:, None] - tiles.centre[None, out]) >= 0.8 * tiles.side
        train = apart.any(axis=2).all(axis=1)
        if train.sum() >= 3:
            folds.append((out, train))
    return folds
