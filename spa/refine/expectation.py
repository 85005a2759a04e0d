"""The expectation step: where each image's posterior has its modes, by exhaustive or local search."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from spa.refine.data import Images
from spa.refine.engine import CPU, Engine
from spa.refine.settings import Search, global_stages, local_stages
from spa.search import mean, orientations
from spa.search.newton import Modes
from spa.search.prior import Prior

MODES = 4  # poses of an image that are carried to the next iteration
WHOLE = 2 * np.pi / (8 * np.pi**2) ** (2 / 3)  # precision of the Gaussian whose volume is that of SO(3)
WIDEST = np.diag([WHOLE, WHOLE, WHOLE, 0, 0])
KNOWN = 2  # of these, how many compete in the next search of the whole grid


@dataclass(frozen=True, eq=False)
class Poses:
    """The modes of all images: poses (n, m, 3, 3), shifts (n, m, 2) px, logp (n, m), root (n, m, 5, 5).

    root: lower triangle L of the covariance L L^T of (turn x 3 rad, shift x 2 px) about each mode.
    weight (n, m): each mode's share of the image's posterior, by its height and its volume.
    """

    poses: np.ndarray
    shifts: np.ndarray
    logp: np.ndarray
    weight: np.ndarray
    root: np.ndarray

    def best(self) -> np.ndarray:
        """The pose (n, 3, 3) of each image's best mode."""
        return self.poses[np.arange(len(self.poses)), self.weight.argmax(axis=1)]

    def entropy(self) -> np.ndarray:
        """(n,) of the modes' weights, in nats: 0 where one has all."""
        share = self.weight / np.maximum(self.weight.sum(axis=1, keepdims=True), 1e-30)
        return -(share * np.log(np.maximum(share, 1e-30))).sum(axis=1) + 0.0

    def write(self, rows: np.ndarray, modes: Modes) -> None:
        """Take over the modes found for rows."""
        m = min(self.logp.shape[1], modes.logp.shape[1])
        self.logp[rows] = -np.inf
        self.weight[rows] = 0
        self.poses[rows, :m], self.shifts[rows, :m] = modes.poses[:, :m], modes.shifts[:, :m]
        self.logp[rows, :m] = modes.logp[:, :m]
        weight, root = laplace(modes.logp[:, :m], modes.hessian[:, :m])
        self.weight[rows, :m], self.root[rows, :m] = weight, root


def given_poses(poses: np.ndarray, shifts: np.ndarray, modes: int = MODES) -> Poses:
    """One mode an image, at a pose (n, 3, 3) and shift (n, 2) pixels; its curvature is not known yet."""
    found = no_poses(len(poses), modes)
    found.poses[:, 0], found.shifts[:, 0] = poses, shifts
    found.logp[:, 0], found.weight[:, 0] = 0, 1
    return found


def no_poses(n: int, modes: int = MODES) -> Poses:
    """Room for the modes of n images, none found yet."""
    return Poses(
        np.tile(np.eye(3), (n, modes, 1, 1)), np.zeros((n, modes, 2)), np.full((n, modes), -np.inf),
        np.zeros((n, modes)), np.zeros((n, modes, 5, 5)),
    )  # fmt: skip


def laplace(logp: np.ndarray, hessian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n, m) and covariance roots (n, m, 5, 5) of Gaussian modes: exp(log p) / sqrt(det H), normalised.

    No mode's turn takes more than all of SO(3), even where a reference is empty.
    """
    there = logp > -np.inf
    safe = np.where(there[..., None, None], hessian + WIDEST, np.eye(5))
    lower = np.linalg.cholesky(safe)
    log_volume = -np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum(axis=-1)
    score = np.where(there, logp + log_volume, -np.inf)
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    root = np.swapaxes(np.linalg.inv(lower), -1, -2)
    return weight / weight.sum(axis=1, keepdims=True), root * there[..., None, None]


@dataclass(frozen=True, eq=False)
class Task:
    """What all blocks of one half share in one pass: its reference, band, noise, prior (of all images); pixels."""

    images: Images
    source: Any  # the engine's reference
    radius: int
    noise: np.ndarray
    operators: np.ndarray
    prior: Prior
    extent: float
    shift_radius: float
    engine: Engine = CPU


def wide_pass(
    task: Task, search: Search, rng: np.random.Generator, known: Poses | None = None
) -> Callable[[np.ndarray], Modes]:
    """A function of a block of rows: its modes from every orientation and every shift of a grid drawn once.

    known: modes of earlier passes, which compete with what the grid finds: each pass draws another grid, so an image
    that one has missed has another chance in the next, and what was found is not lost.
    """
    grid = _grid_columns(task, search, rng)
    return lambda rows: search_globally(task, rows, search, grid, known)


def local_pass(task: Task, poses: Poses) -> Callable[[np.ndarray], Modes]:
    """A function of a block of rows: its modes from those of the iteration before."""
    return lambda rows: search_locally(task, rows, poses)


def _grid_columns(task: Task, search: Search, rng: np.random.Generator) -> Any:
    """Slices of the reference at every orientation of a grid, in the search's band."""
    poses = orientations.grid(search.step, task.operators, rng)
    count, shifts = task.images.band.count(search.band), len(_shift_grid(task, search))
    return task.engine.columns(task.source, poses, task.images, count, shifts)


def _shift_grid(task: Task, search: Search) -> np.ndarray:
    """Shifts (s, 2) pixels within reach, as fine as the search's band tells apart."""
    step = min(max(0.25 * task.images.band.box / search.band, 1.0), task.shift_radius / 2)
    return orientations.shift_grid(step, task.shift_radius)


def search_globally(
    task: Task, rows: np.ndarray, search: Search, grid: Any, known: Poses | None
) -> Modes:
    """Modes of a block of images from every orientation of a grid, every shift within reach, and those known."""
    engine = task.engine
    block = engine.block(task.images, rows, task.radius, task.noise)
    prior = task.prior.of(rows)
    centres = prior.centres
    shifts = _shift_grid(task, search)
    low = engine.prefix(block, centres, search.band)
    found = engine.search(low, grid, shifts, prior.shift_sigma, search.candidates)
    poses, shifts, score = grid.poses[found.pose], found.shift + centres[:, None], found.score
    if known is not None and np.any(known.logp[rows] > -np.inf):
        there = known.logp[rows, :KNOWN] > -np.inf
        poses = np.concatenate([known.poses[rows, :KNOWN], poses], axis=1)
        shifts = np.concatenate([known.shifts[rows, :KNOWN], shifts], axis=1)
        score = np.concatenate([np.where(there, score[:, :1], -np.inf), score], axis=1)
    stages = global_stages(search, task.extent, task.radius)
    return engine.refine(task.source, block, poses, shifts, score, stages, prior, task.operators)


def search_locally(task: Task, rows: np.ndarray, poses: Poses) -> Modes:
    """Modes of a block of images from the modes of the iteration before."""
    block = task.engine.block(task.images, rows, task.radius, task.noise)
    return task.engine.refine(
        task.source, block, poses.poses[rows], poses.shifts[rows], poses.logp[rows],
        local_stages(task.radius, poses.logp.shape[1]), task.prior.of(rows), task.operators,
    )  # fmt: skip


def means(task: Task, poses: Poses, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poses (n, 3, 3) and shifts (n, 2) of a block of images at the means of their best modes."""
    block, at = task.engine.block(task.images, rows, task.radius, task.noise), (rows, poses.weight[rows].argmax(axis=1))
    slopes = partial(task.engine.slopes, task.source, block, radius=task.radius, prior=task.prior.of(rows))
    return mean.centred(slopes, poses.poses[at], poses.shifts[at], poses.root[at])
