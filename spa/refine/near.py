"""Refinement near poses that are known: several starts around each, as far as its prior reaches.

The halves begin from half maps of their own, so that what they learn of each other ends before the first iteration.
"""

from collections.abc import Callable

import numpy as np

from spa.refine import expectation, plan
from spa.refine.data import Images, smooth_spectrum
from spa.refine.expectation import MODES, Task
from spa.refine.problem import Problem
from spa.refine.settings import Search, global_stages
from spa.refine.states import State
from spa.search.images import ramps
from spa.search.newton import Modes
from spa.search.orientations import shift_grid, turned
from spa.volume.slices import reference, slices

STEP = np.deg2rad(10)  # between starts; a climb in the first band finds its way over half of it
BAND = 10  # shells of the first band, for a particle that takes 0.7 of the box
REACH = 2.0  # standard deviations of the priors in which starts lie
CANDIDATES = 8  # starts that are climbed from


def starts(sigma: float, step: float) -> np.ndarray:
    """(n, 3) turns (radians): a cubic lattice within reach of a Gaussian of sigma; the first is 0."""
    m = int(REACH * sigma / step)
    line = np.arange(-m, m + 1) * step
    turns = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    length = np.linalg.norm(turns, axis=1)
    order = np.argsort(length, kind="stable")
    return turns[order[length[order] <= REACH * sigma + 1e-9]]


def near_pass(task: Task) -> Callable[[np.ndarray], Modes]:
    """A function of a block of rows: its modes around the poses that the prior expects."""
    band = min(max(1, round(BAND * 0.7 / task.extent)), task.radius)
    turns = starts(task.prior.turn_sigma, STEP)
    move = 0.4 * task.images.band.box / band
    moves = shift_grid(move, max(REACH * task.prior.shift_sigma, 1e-6))
    search = Search(STEP, band, CANDIDATES, (CANDIDATES - 2, MODES))
    return lambda rows: _search(task, rows, turns, moves, search)


def _search(task: Task, rows: np.ndarray, turns: np.ndarray, moves: np.ndarray, search: Search) -> Modes:
    prior = task.prior.of(rows)
    assert prior.poses is not None
    engine = task.engine
    block = engine.block(task.images, rows, task.radius, task.noise)
    n, t, m = len(rows), len(turns), len(moves)
    poses = turned(np.repeat(prior.poses, t, axis=0), np.tile(turns, (n, 1))).reshape(n, t, 1, 3, 3)
    poses = np.broadcast_to(poses, (n, t, m, 3, 3)).reshape(n, t * m, 3, 3)
    shifts = np.broadcast_to((prior.centres[:, None] + moves)[:, None], (n, t, m, 2)).reshape(n, t * m, 2)
    logp = np.zeros((n, t * m))
    if t * m > 1:
        logp = engine.heights(task.source, block, poses, shifts, search.band, prior)
    return engine.refine(
        task.source, block, poses, shifts, logp,
        global_stages(search, task.extent, task.radius), prior, task.operators,
    )  # fmt: skip


def first_state(problem: Problem, maps: np.ndarray, radius: int, noise: np.ndarray) -> State:
    """Before the first iteration: maps (2, box, box, box) of the halves, in the images' grey scale, up to a shell.

    noise (groups, shells): power of the background.
    """
    n, prior = len(problem.images), problem.prior
    assert prior.poses is not None
    return State(
        0, maps[None], np.zeros((1, problem.images.band.box // 2 + 1)),
        min(radius + plan.BEYOND, problem.images.band.radius), smooth_spectrum(noise),
        [expectation.given_poses(prior.poses, prior.centres)], np.ones((n, 1)), np.ones(n, bool), np.ones(n, bool),
        np.full(n, -np.inf), smooth_spectrum(noise),
    )  # fmt: skip


def fitted_scales(
    images: Images, parts: list[np.ndarray], poses: np.ndarray, shifts: np.ndarray, radius: int, noise: np.ndarray,
    most: int = 1000,
) -> np.ndarray:  # fmt: skip
    """Factors (p,) that bring parts of a map to the images' grey scale at known poses, by least squares up to a shell.

    A part that was taken off the images has 0, and does not disturb the others.
    """
    rows = np.arange(len(images))[:: max(1, len(images) // most)]
    block = images.block(rows, radius, smooth_spectrum(noise))
    turn = ramps(shifts[rows].astype(np.float32), block.kx, block.ky, images.band.box)
    seen = (block.x[:, 0] + 1j * block.x[:, 1]) * turn
    x = np.stack([seen.real, seen.imag], axis=1).ravel()
    cuts = [slices(reference(part, radius), images.seen_from(rows, poses[rows]), block.kx, block.ky) for part in parts]
    models = [(cut * block.ctf[:, None]).ravel() for cut in cuts]
    norm = np.array([[np.dot(a, b) for b in models] for a in models], np.float64)
    norm += 1e-6 * np.eye(len(parts)) * norm.diagonal().max()
    return np.linalg.solve(norm, np.array([np.dot(x, a) for a in models], np.float64))
