"""A smooth field of displacements in x, y and t, fitted to what patches say, with a prior that the movie chooses.

d(x, y, t) = g(t) + sum over j of s_j(x, y) l_j(t): the whole frame's path g is free in every frame, with a Gaussian
process that may bend quickly while the dose is low and slowly later; what differs over the frame is a polynomial of
up to the third degree in x and y, each coefficient a smooth path. How far, how fast and how unevenly the specimen moves
(the hyper-parameters) is what makes the movie's evidence greatest, so that a still specimen is left still. Patches tell
displacements but for a constant each, since each is compared with its own sum; the field is 0 in the first frame.
Gaussian processes as priors of motion: Zivanov et al., IUCrJ 6 (2019) 5.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided

DEGREE = 3
PATHS = 10  # functions of time that a coefficient's path is made of, at most
CLEAR = 4.0  # by which the log evidence for motion over the frame must exceed that for none
EARLY = 2.0  # e per square angstrom (or frames): time runs as log(1 + dose / EARLY)


@dataclass(frozen=True)
class Prior:
    """Pixels, and lengths in the field's time: of the whole frame's path, its jitter, and what differs over the frame.

    decay: by how much each further degree of the polynomial moves less; trust: of the patches' stated precision.
    """

    whole: float = 4.0
    whole_length: float = 1.0
    jitter: float = 0.05
    local: float = 1.0
    local_length: float = 1.5
    decay: float = 0.5
    trust: float = 0.7


_BOUNDS = {"whole": (0.05, 200.0), "whole_length": (0.2, 8.0), "jitter": (0.01, 2.0), "local": (1e-3, 50.0),
           "local_length": (0.4, 8.0), "decay": (0.05, 1.0), "trust": (0.1, 5.0)}  # fmt: skip
_STARTS = (0.03, 0.3, 1.0, 3.0, 10.0)


@dataclass(frozen=True, eq=False)
class Basis:
    """time (n,): the frames' times; paths (n, r): functions of it, 0 in the first frame; degrees of the polynomials."""

    time: np.ndarray
    paths: np.ndarray
    degrees: np.ndarray

    @property
    def size(self) -> int:
        return len(self.time) + len(self.degrees) * self.paths.shape[1]


def basis_for(frames: int, dose: float, patches: tuple[int, int]) -> Basis:
    """For as many frames at this dose each (0: not known), and patches along x and y: one has no slope to tell of."""
    time = np.log1p(np.arange(frames) * (dose or 1.0) / EARLY)
    values, vectors = np.linalg.eigh(_process(time, 1.0))
    count = max(1, min(PATHS, frames - 1))
    return Basis(time, vectors[:, ::-1][:, :count].copy(), _degrees(patches))


def _exponents(patches: tuple[int, int]) -> list[tuple[int, int]]:
    return [
        (i, degree - i) for degree in range(1, DEGREE + 1) for i in range(degree, -1, -1)
        if i < patches[0] and degree - i < patches[1]
    ]  # fmt: skip


def _degrees(patches: tuple[int, int]) -> np.ndarray:
    return np.array([[i, j] for i, j in _exponents(patches)], np.int64).reshape(-1, 2)


def polynomials(degrees: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(..., 1 + terms) products of Legendre polynomials at points (..., 2) in [-1, 1]; the first is 1."""
    x, y = points[..., 0], points[..., 1]

    def legendre(at: np.ndarray) -> list[np.ndarray]:
        return [np.ones_like(at), at, (3 * at**2 - 1) / 2, (5 * at**3 - 3 * at) / 2]

    px, py = legendre(x), legendre(y)
    return np.stack([np.ones_like(x), *(px[i] * py[j] for i, j in degrees)], axis=-1)


def _process(time: np.ndarray, length: float) -> np.ndarray:
    """Covariance (n, n) of a Matern-5/2 process that starts from 0, 1 after a time of about its length."""

    def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        r = np.sqrt(5.0) * np.abs(first[:, None] - second[None]) / length
        return (1 + r + r * r / 3) * np.exp(-r)

    start = time[:1]
    return kernel(time, time) - kernel(time, start) - kernel(start, time) + kernel(start, start)


@dataclass(frozen=True, eq=False)
class Told:
    """What patches say: at points (p, 2) in [-1, 1], displacements (p, n, 2) but for a constant, precisions (p, n)."""

    points: np.ndarray
    displacements: np.ndarray
    precisions: np.ndarray


@dataclass(frozen=True, eq=False)
class Field:
    """whole (n, 2): the frame's path; local (terms, r, 2): coefficients of polynomials times paths; pixels."""

    basis: Basis
    whole: np.ndarray
    local: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """Displacements (..., n, 2) x y at points (..., 2) in [-1, 1]."""
        shape = polynomials(self.basis.degrees, points)[..., 1:]
        paths = self.basis.paths @ self.local  # (terms, n, 2)
        moved = shape @ paths.reshape(len(paths), self.whole.size)
        return self.whole + moved.reshape(*shape.shape[:-1], *self.whole.shape)


def still(basis: Basis, whole: np.ndarray) -> Field:
    """The field of a frame that moves as a whole (n, 2)."""
    return Field(basis, np.asarray(whole, np.float64), np.zeros((len(basis.degrees), basis.paths.shape[1], 2)))


class Normal:
    """The normal equations of the field's coefficients, which do not depend on the prior."""

    def __init__(self, basis: Basis, told: Told) -> None:
        n, r = basis.paths.shape
        self.basis, size = basis, basis.size
        self.matrix, self.right = np.zeros((size, size)), np.zeros((size, 2))
        self.square, self.count = 0.0, 0
        self._whole, self._local = lru_cache(self._whole), lru_cache(self._local)  # type: ignore[method-assign]
        some = told.precisions.sum(1) > 0
        weights, moved = told.precisions[some], told.displacements[some]
        shape, total = polynomials(basis.degrees, told.points)[some, 1:], weights.sum(1)
        # each patch's rows are [1 | shape x paths], of a mean of 0 with its weights: sums over all, less those of means
        first = np.hstack([weights, self._beside(shape, weights)])
        self.matrix[:n, :n] = np.diag(weights.sum(0))
        self.matrix[:n, n:] = ((weights.T @ shape)[:, :, None] * basis.paths[:, None]).reshape(n, size - n)
        self.matrix[n:, :n] = self.matrix[:n, n:].T
        terms = len(basis.degrees)
        squares = (shape[:, :, None] * shape[:, None, :]).reshape(len(shape), terms * terms)
        pairs = squares.T @ weights  # (j k, n)
        both = (pairs[..., None] * basis.paths).transpose(0, 2, 1) @ basis.paths  # (j k, r, s)
        self.matrix[n:, n:] = both.reshape(terms, terms, r, r).transpose(0, 2, 1, 3).reshape(terms * r, terms * r)
        self.matrix -= first.T @ (first / total[:, None])
        for axis in range(2):
            told_by = weights * moved[..., axis]
            mean = told_by.sum(1) / total
            self.right[:n, axis] = told_by.sum(0)
            self.right[n:, axis] = self._beside(shape, told_by).sum(0)
            self.right[:, axis] -= first.T @ mean
            self.square += float((told_by * moved[..., axis]).sum() - (total * mean**2).sum())
        self.count = int((weights > 0).sum()) - len(weights)

    def _beside(self, shape: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(p, terms r) what weights (p, n) make of each patch's rows."""
        rows = shape[:, :, None] * (weights @ self.basis.paths)[:, None]
        return rows.reshape(len(shape), self.basis.size - weights.shape[1])

    def evidence(self, prior: Prior) -> float:
        """The log of the evidence.

        The last rows of the factor of [[A, b], [b', c]] are L^-1 b: with no c but one that keeps it positive.
        """
        size = self.basis.size
        bordered = np.empty((size + 2, size + 2))
        np.multiply(prior.trust, self.matrix, out=bordered[:size, :size])
        logdet = self._add_precision(prior, bordered)
        bordered[size:, :size] = prior.trust * self.right.T  # the lower half is all that is looked at
        bordered[size:, size:] = (2 * prior.trust * self.square + 1) * np.eye(2)
        factor = np.linalg.cholesky(bordered)
        last = factor[size:, :size]
        return float(
            logdet - 2 * np.log(factor.diagonal()[:size]).sum() + 0.5 * (last * last).sum()
            + self.count * np.log(prior.trust) - 0.5 * prior.trust * self.square
        )  # fmt: skip

    def solved(self, prior: Prior) -> np.ndarray:
        """Coefficients (size, 2), the likeliest."""
        matrix = prior.trust * self.matrix
        self._add_precision(prior, matrix)
        return np.linalg.solve(matrix, prior.trust * self.right)

    def _add_precision(self, prior: Prior, matrix: np.ndarray) -> float:
        """Add the prior's precision of the coefficients to a matrix, which may go on; the log of its determinant."""
        n, r = self.basis.paths.shape
        whole, logdet = self._whole(prior.whole, prior.whole_length, prior.jitter)
        matrix[:n, :n] += whole
        terms = len(self.basis.degrees)
        if not terms:
            return logdet
        inverse, size_log = self._local(prior.local_length)
        sizes = prior.local * prior.decay ** (self.basis.degrees.sum(1) - 1)
        blocks = as_strided(matrix[n:, n:], (terms, r, r), (r * sum(matrix.strides), *matrix.strides))
        blocks += inverse / (sizes**2)[:, None, None]
        return logdet - terms * size_log - 2 * r * float(np.log(sizes).sum())

    def _whole(self, size: float, length: float, jitter: float) -> tuple[np.ndarray, float]:
        """Precision of the whole frame's path and the log of its determinant."""
        n = len(self.basis.time)
        noise = jitter**2 * (np.eye(n) + 1) + 1e-8 * np.eye(n)  # of a frame, and of the first one
        cover = size**2 * _process(self.basis.time, length) + noise
        return np.linalg.inv(cover), -float(np.linalg.slogdet(cover)[1])

    def _local(self, length: float) -> tuple[np.ndarray, float]:
        """Precision of a polynomial's path of size 1, and the log of the determinant of its inverse."""
        paths = self.basis.paths
        cover = paths.T @ _process(self.basis.time, length) @ paths
        cover = cover + 1e-6 * np.trace(cover) / len(cover) * np.eye(len(cover))
        return np.linalg.inv(cover), float(np.linalg.slogdet(cover)[1])


def fitted(basis: Basis, told: Told, prior: Prior, sweeps: int) -> tuple[Field, Prior]:
    """The field that is likeliest given what patches say; the prior improved by so many sweeps over its parameters."""
    normal = Normal(basis, told)
    best = normal.evidence(prior) if sweeps else 0.0
    if sweeps and len(basis.degrees):  # the evidence may have two tops: with motion over the frame, and without
        for local in _STARTS:
            tried = replace(prior, local=local)
            if (evidence := normal.evidence(tried)) > best:
                best, prior = evidence, tried
    names = [name for name in _BOUNDS if len(basis.degrees) or not name.startswith(("local", "decay"))]
    factors = dict.fromkeys(names, 2.0)
    for _ in range(sweeps):
        for name in names:
            for factor in (factors[name], 1 / factors[name]):
                least, most = _BOUNDS[name]
                value = min(max(getattr(prior, name) * factor, least), most)
                tried = replace(prior, **{name: value})
                if (evidence := normal.evidence(tried)) > best + 1e-9:
                    best, prior = evidence, tried
                    break
            else:
                factors[name] = factors[name] ** 0.5
    if sweeps and len(basis.degrees):
        none = replace(prior, local=_BOUNDS["local"][0])
        if normal.evidence(none) > best - CLEAR:
            prior = none
    found = normal.solved(prior)
    n, r = basis.paths.shape
    return Field(basis, found[:n] - found[0], found[n:].reshape(-1, r, 2)), prior
