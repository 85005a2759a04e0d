"""Tracks of all particles of a movie: likeliest with a Gaussian process as prior, found by L-BFGS.

What a particle does beside the motion that was known is a path of velocities that neighbours share: in a frame the
velocities of particles p and q have the covariance ``velocity^2 exp(-|p - q| / length)``, and change from one frame to
the next by ``acceleration``. In the basis of that covariance's eigenvectors the prior of velocities is a sum of
squares.
A pose says where a particle is on average, over the frames that show it best, not where it was in the first one: how
far the track's mean may be from there is a parameter, too.
Motion is fast while the dose is low: both go as ``(dose + FRESH)^-slowing``, 1 at a dose of LATER.
Source: Zivanov, Nakane & Scheres, IUCrJ 6 (2019) 5; the law of slowing is ours.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from spa.polish.correlate import Scores

FRESH, LATER = 2.0, 10.0  # e per square angstrom
LEAST = 1e-4  # of the largest eigenvalue: deformations of less are left out
ROUNDS = 200


@dataclass(frozen=True)
class Prior:
    """velocity and acceleration: angstroms for each e per square angstrom; length: angstroms; slowing: an exponent;
    place: angstroms, of a track's mean from where the particle's pose has it."""

    velocity: float = 0.2
    length: float = 2000.0
    acceleration: float = 0.3
    slowing: float = 0.5
    place: float = 0.5


@dataclass(frozen=True, eq=False)
class Film:
    """points (p, 2) of particles in angstroms; dose (n,) seen at the end of each frame; pixel_size in angstroms; worth
    (n,): what each frame's place counts in the mean of a track, None: all alike."""

    points: np.ndarray
    dose: np.ndarray
    pixel_size: float
    worth: np.ndarray | None = None

    @property
    def shares(self) -> np.ndarray:
        """(n,) of the frames in the mean, their sum is 1."""
        worth = np.ones(len(self.dose)) if self.worth is None else self.worth
        return worth / worth.sum()

    @property
    def steps(self) -> np.ndarray:
        """(n - 1,) dose from the middle of a frame to that of the next."""
        return np.diff(self.dose)


def _basis(points: np.ndarray, length: float) -> np.ndarray:
    """(p, d) whose columns times independent numbers of variance 1 have the covariance."""
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    values, vectors = np.linalg.eigh(np.exp(-apart / length))
    kept = values > LEAST * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept])


class Model:
    """Tracks (p, n, 2) in pixels of coefficients, and the prior's cost of these."""

    def __init__(self, film: Film, prior: Prior) -> None:
        pace = ((film.dose[:-1] + FRESH) / (LATER + FRESH)) ** -prior.slowing
        self.count, self.frames, self.pixel = len(film.points), len(film.dose), film.pixel_size
        self.basis = _basis(film.points, prior.length)
        self.speed = prior.velocity * pace * film.steps / film.pixel_size
        between = (pace * film.steps)[:-1] + (pace * film.steps)[1:]
        self.bend = prior.acceleration * between / 2 / film.pixel_size
        self.shares, self.place = film.shares, prior.place / film.pixel_size
        self.square = (self.basis**2).sum(axis=0)  # eigenvalues

    @property
    def size(self) -> int:
        return 2 * (self.count + self.basis.shape[1] * (self.frames - 1))

    def _parts(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        middle = vector[: 2 * self.count].reshape(self.count, 2)
        return middle, vector[2 * self.count :].reshape(self.basis.shape[1], self.frames - 1, 2)

    def tracks(self, vector: np.ndarray) -> np.ndarray:
        """(p, n, 2) pixels."""
        middle, paths = self._parts(vector)
        steps = np.tensordot(self.basis, paths * self.speed[:, None], 1)
        out = np.zeros((self.count, self.frames, 2))
        out[:, 1:] = np.cumsum(steps, axis=1)
        return out + (middle * self.place - np.tensordot(self.shares, out, (0, 1)))[:, None]

    def pulled(self, slope: np.ndarray) -> np.ndarray:
        """The gradient by coefficients of what has the gradient slope (p, n, 2) by tracks: the adjoint of `tracks`."""
        total = slope.sum(axis=1)
        after = np.cumsum((slope - self.shares[:, None] * total[:, None])[:, ::-1], axis=1)[:, ::-1]
        paths = np.tensordot(self.basis.T, after[:, 1:], 1) * self.speed[:, None]
        return np.concatenate([(total * self.place).ravel(), paths.ravel()])

    def cost(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Minus the prior's logarithm, and its gradient."""
        _, paths = self._parts(vector)
        slope = vector.copy()
        value = 0.5 * float(vector @ vector)
        if self.frames > 2:
            change = np.diff(paths * self.speed[:, None], axis=1) / self.bend[:, None]
            weighted = self.square[:, None, None] * change
            value += 0.5 * float((weighted * change).sum())
            weighted = weighted / self.bend[:, None]
            more = np.zeros_like(paths)
            more[:, 1:] += weighted
            more[:, :-1] -= weighted
            slope[2 * self.count :] += (more * self.speed[:, None]).ravel()
        return value, slope


def followed(scores: Scores, film: Film, prior: Prior) -> np.ndarray:
    """Tracks (p, n, 2): how far each particle is, in pixels, from where it was expected in each frame."""
    model = Model(film, prior)

    def height(vector: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = scores(model.tracks(vector))
        cost, push = model.cost(vector)
        return cost - value, push - model.pulled(slope)

    found = minimize(height, np.zeros(model.size), jac=True, method="L-BFGS-B",
                     options={"maxiter": ROUNDS, "maxcor": 12, "ftol": 1e-8, "gtol": 1e-4})  # fmt: skip
    return model.tracks(found.x)
