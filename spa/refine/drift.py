"""The frame of the start, which the maps of both halves drift away from together, and back to it.

The first poses are found by a few images against a coarse map, each degrees off: the map of them lies where the mean of
their errors lays it, and later ones hold on to that. About axes and along lines that the point group leaves free both
halves are turned and moved back as one, until their map lies on the start: what either has, and what they agree in, is
as it was.
"""

from dataclasses import replace

import numpy as np

from spa.image.disc import disc
from spa.refine.problem import Problem
from spa.refine.states import State
from spa.search import orientations
from spa.search.images import Block
from spa.search.likelihood import evaluate
from spa.symmetry.align import Fit
from spa.volume.fsc import crossing
from spa.volume.rotations import from_rotation_vectors, rotation_vectors
from spa.volume.slices import Reference, reference, regridded, slices

SHELLS = 24  # that are compared: of the start's, as far as the map has its detail
PLANES, ROUNDS = 40, 4  # central slices of the map, and steps of Gauss-Newton
ALIKE, SAME = 0.5, 0.995  # correlation of shells below which the first ends the band, and that counts as no better
FARTHEST = 0.1  # radians: no drift is as large


def kept(start: np.ndarray, solvent: np.ndarray) -> np.ndarray:
    """As much of a start (box, box, box) in its solvent mask as tells its frame, on a grid that is coarse enough."""
    return regridded(start * solvent, _side(len(start)))


def _side(box: int) -> int:
    return min(box, 2 * (SHELLS + 4))


def without(problem: Problem, state: State) -> State:
    """The state with its poses in the frame of the start, by the maps that they were found in; itself where there is no
    frame to keep, or none is seen."""
    free = problem.settings.operators.mean(axis=0)  # projects on what all elements leave
    if problem.frame is None or np.abs(free).max() < 1e-6:
        return state
    found = of(problem.frame, regridded(state.maps[0].mean(axis=0), len(problem.frame)), free)
    if found is None:
        return state
    poses = state.poses[0]
    matrices = poses.poses @ found.turn
    shifts = poses.shifts + matrices[..., :2, :] @ (found.shift * (state.maps.shape[-1] / len(problem.frame)))
    return replace(state, poses=[replace(poses, poses=matrices, shifts=shifts)])


def of(start: np.ndarray, volume: np.ndarray, free: np.ndarray) -> Fit | None:
    """How the start must be turned and moved to lie on a volume near it, both (n, n, n) about their centres; None where
    they have nothing in common, or too little to tell.

    free (3, 3) projects on the axes about which it may be turned, and along which it may be moved. A shell whose
    correlation is f is as likely as its residual, of which 1 - f^2 of its power is left, is small.
    """
    radius = min(SHELLS, len(start) // 2 - 1)
    source, seen = reference(start, radius), reference(volume, radius)
    views = orientations.directions(np.sqrt(2 * np.pi / PLANES))
    views = views[views[:, 2] > 0]
    planes = orientations.frames(views, np.arange(len(views)) * 1.0)
    band = disc(len(start), radius)
    x = slices(seen, planes, band.kx, band.ky)
    turn, shift = np.eye(3), np.zeros(3)
    for _ in range(ROUNDS):
        step = _step(source, x, planes @ turn, shift, free)
        turn, shift = turn @ from_rotation_vectors(-step[:3])[0], shift + step[3:]
    away = float(np.linalg.norm(rotation_vectors(turn)))
    return Fit(turn, False, 1.0, shift) if away + np.abs(shift).max() > 0 and away < FARTHEST else None


def _step(source: Reference, x: np.ndarray, poses: np.ndarray, shift: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(6,) the turn (radians) and the move (pixels) of the start, about and along its own axes, that bring its slices
    at poses (p, 3, 3), moved by a shift (3,), nearer to slices x (p, 2, K) of the volume."""
    band, moves = disc(source.box, source.radius), poses[:, :2] @ shift
    x, ctf = _likened(source, x, poses, moves)
    sums = evaluate(source, Block(band, x, ctf), np.arange(len(poses)), poses, moves, source.radius)
    share = np.zeros((len(poses), 5, 6))  # of each plane's own five parameters in those of all
    share[:, :3, :3], share[:, 3:, 3:] = poses @ free, poses[:, :2] @ free
    curvature = np.einsum("pac,pab,pbd->cd", share, sums.curvature, share)
    gradient = np.einsum("pac,pa->c", share, sums.gradient)
    return np.linalg.pinv(curvature, rcond=1e-6, hermitian=True) @ gradient


def _likened(
    source: Reference, x: np.ndarray, poses: np.ndarray, moves: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slices x (p, 2, K) and what is to be multiplied with the start's (p, K), over the deviation of their residual."""
    band = disc(source.box, source.radius)
    cut = slices(source, poses, band.kx, band.ky)
    back = np.exp(-2j * np.pi / band.box * (moves @ np.stack([band.kx, band.ky])))
    moved = (cut[:, 0] + 1j * cut[:, 1]) * back
    cross, own, its = (
        np.bincount(band.shell, values.sum(axis=0), source.radius + 1)
        for values in (x[:, 0] * moved.real + x[:, 1] * moved.imag, (x**2).sum(axis=1), np.abs(moved) ** 2)
    )
    alike = np.clip(cross / np.sqrt(np.maximum(own * its, 1e-30)), 0, SAME)
    shells = np.arange(len(alike))
    used = (shells > 0) & (shells <= crossing(alike, ALIKE))
    count = np.bincount(band.shell, minlength=len(alike)) * len(x)
    weight = np.where(used, np.sqrt(count / np.maximum(1 - alike**2, 1e-30)), 0)
    to_x, to_start = (weight / np.sqrt(np.maximum(power, 1e-30)) for power in (own, its))
    ctf = np.broadcast_to((alike * to_start)[band.shell], (len(x), len(band)))
    return (x * to_x[band.shell]).astype(np.float32), np.ascontiguousarray(ctf, np.float32)
