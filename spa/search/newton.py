"""Local refinement of candidate poses: Gauss-Newton in rotation and shift over growing bands, many at once."""

from dataclasses import dataclass

import numpy as np

from spa.search.images import Block
from spa.search.likelihood import Sums, evaluate
from spa.search.orientations import turned
from spa.search.prior import Prior
from spa.search.prune import pruned
from spa.volume.slices import Reference

GAIN = 0.02  # of log p: a step that promises less is not taken
SURE = 1.0  # of log p: a step that promises less lies well inside the peak: it is the last, and not looked at again
NEAR = 0.7  # pixels: poses closer than this (and in angle) are the same


@dataclass(frozen=True)
class Stage:
    """One band of the refinement: shells, iterations, candidates kept on entry, largest turn (rad) and move (px)."""

    radius: int
    iterations: int
    keep: int
    turn: float
    move: float

    @property
    def least_angle(self) -> float:
        """Poses closer than this (radians) are the same in this band."""
        return min(np.deg2rad(4), 0.5 / self.radius)


@dataclass(frozen=True, eq=False)
class Modes:
    """The poses that survive for each image, best first; unused places have log p = -inf.

    poses (n, m, 3, 3) float64, shifts (n, m, 2) pixels, logp (n, m), hessian (n, m, 5, 5) = -d2 log p
    over (turn x 3 in radians, shift x 2 in pixels); evaluations: passes over a band, all images together.
    """

    poses: np.ndarray
    shifts: np.ndarray
    logp: np.ndarray
    hessian: np.ndarray
    evaluations: int


class _Climbers:
    """Poses on their way up: images rows (j,), poses, shifts, their sums and log p."""

    def __init__(self, source: Reference, block: Block, prior: Prior, rows, poses, shifts) -> None:  # type: ignore[no-untyped-def]
        self.source, self.block, self.prior = source, block, prior
        self.rows, self.poses, self.shifts = rows, poses, shifts
        self.evaluations = 0

    def climb(self, stage: Stage) -> None:
        """Gauss-Newton in the stage's band; Levenberg's damping only after a step that was refused.

        A step that gains next to nothing is not taken; one that is sure to gain, being well inside the peak that the
        curvature describes, is taken without another look.
        """
        self.sums = self._evaluated(slice(None), self.poses, self.shifts, stage)
        self.logp = self._height(self.sums, slice(None), self.poses, self.shifts)
        damping = np.zeros(len(self.rows))
        active = np.arange(len(self.rows))
        for _ in range(stage.iterations):
            poses, shifts, expected = self._stepped(active, damping[active], stage)
            worth = expected >= GAIN
            sure = worth & (expected < SURE)
            self._move(active[sure], poses[sure], shifts[sure], self.logp[active[sure]] + expected[sure])
            look = worth & ~sure
            active, poses, shifts = active[look], poses[look], shifts[look]
            if not len(active):
                break
            sums = self._evaluated(active, poses, shifts, stage)
            found = self._height(sums, active, poses, shifts)
            better = found > self.logp[active]
            self._move(active[better], poses[better], shifts[better], found[better])
            self._keep(active[better], better, sums)
            damping[active] = np.where(better, 0.25 * damping[active], np.maximum(0.1, 8 * damping[active]))

    def _evaluated(self, which: slice | np.ndarray, poses: np.ndarray, shifts: np.ndarray, stage: Stage) -> Sums:
        self.evaluations += len(poses)
        return evaluate(self.source, self.block, self.rows[which], poses, shifts, stage.radius)

    def _height(self, sums: Sums, which: slice | np.ndarray, poses: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """log p, the prior's part included."""
        return 2 * sums.cross - sums.norm + self.prior.logp(self.rows[which], poses, shifts)

    def hessian(self) -> np.ndarray:
        """(j, 5, 5) -d2 log p where the climbers stand."""
        return 2 * self.sums.curvature + self.prior.curvature()

    def _stepped(
        self, active: np.ndarray, damping: np.ndarray, stage: Stage
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Poses and shifts one step on, and the gain that the quadratic model promises."""
        sums = _at(self.sums, active)
        matrix = 2 * sums.curvature + self.prior.curvature()
        gradient = 2 * sums.gradient + self.prior.gradient(self.rows[active], self.poses[active], self.shifts[active])
        diagonal = np.arange(5)
        damped = matrix.copy()
        damped[:, diagonal, diagonal] = damped[:, diagonal, diagonal] * (1 + damping[:, None]) + 1e-9
        step = np.linalg.solve(damped, gradient[..., None])[..., 0]
        turn, move = (np.linalg.norm(part, axis=1, keepdims=True) for part in (step[:, :3], step[:, 3:]))
        step[:, :3] *= np.minimum(1, stage.turn / np.maximum(turn, 1e-30))
        step[:, 3:] *= np.minimum(1, stage.move / np.maximum(move, 1e-30))
        gain = np.einsum("ja,ja->j", gradient, step) - 0.5 * np.einsum("ja,jab,jb->j", step, matrix, step)
        return turned(self.poses[active], step[:, :3]), self.shifts[active] + step[:, 3:], gain

    def _move(self, where: np.ndarray, poses: np.ndarray, shifts: np.ndarray, logp: np.ndarray) -> None:
        self.poses[where], self.shifts[where], self.logp[where] = poses, shifts, logp

    def _keep(self, where: np.ndarray, better: np.ndarray, sums: Sums) -> None:
        for name in ("cross", "norm", "gradient", "curvature"):
            getattr(self.sums, name)[where] = getattr(sums, name)[better]


def _at(sums: Sums, which: np.ndarray) -> Sums:
    return Sums(sums.cross[which], sums.norm[which], sums.gradient[which], sums.curvature[which])


def refine(
    source: Reference, block: Block, poses: np.ndarray, shifts: np.ndarray, logp: np.ndarray, stages: list[Stage],
    prior: Prior, operators: np.ndarray, slack: float = 14.0,
) -> Modes:  # fmt: skip
    """Refine candidates poses (n, m, 3, 3), shifts (n, m, 2); logp (n, m), -inf where there is none, best first.

    Between stages candidates `slack` below the best and duplicates (over the operators (g, 3, 3)) go.
    """
    n, m = logp.shape
    poses, shifts, logp = (np.array(one, np.float64) for one in (poses, shifts, logp))
    hessian = np.zeros((n, m, 5, 5))
    evaluations = 0
    for number, stage in enumerate(stages):
        if number or m > stage.keep:
            order = pruned(poses, shifts, logp, operators, stage.keep, slack, stage.least_angle, NEAR)
            poses, shifts, logp = _taken(order, poses), _taken(order, shifts), _ranked(order, logp)
        image, place = np.nonzero(logp > -np.inf)
        climbers = _Climbers(source, block, prior, image, poses[image, place], shifts[image, place])
        climbers.climb(stage)
        evaluations += climbers.evaluations
        poses[image, place], shifts[image, place], logp[image, place] = climbers.poses, climbers.shifts, climbers.logp
        hessian = np.zeros(logp.shape + (5, 5))
        hessian[image, place] = climbers.hessian()
    order = pruned(poses, shifts, logp, operators, logp.shape[1], slack, stages[-1].least_angle, NEAR)
    return Modes(_taken(order, poses), _taken(order, shifts), _ranked(order, logp), _taken(order, hessian), evaluations)


def _taken(order: np.ndarray, values: np.ndarray) -> np.ndarray:
    """values (n, m, ...) in an order (n, k); places with no candidate (-1) hold anything."""
    return values[np.arange(len(order))[:, None], np.maximum(order, 0)]


def _ranked(order: np.ndarray, logp: np.ndarray) -> np.ndarray:
    return np.where(order >= 0, _taken(order, logp), -np.inf)
