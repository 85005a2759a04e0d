"""A field as RELION writes it: a shift of every frame, and a polynomial of x, y and the frame's number.

RELION's shifts are what is taken off: the negative of displacements. Its local model is ``sum over j of s_j(x, y)
(c_j1 z + c_j2 z^2 + c_j3 z^3)``, s = 1, x, x^2, y, y^2, xy, with x and y from -1/2 to 1/2 and z the frame's number
from 0 (Zivanov et al., IUCrJ 6 (2019) 5). It is fitted here to a field over the whole frame.
"""

from dataclasses import dataclass

import numpy as np

from spa.motion.field import Field

GRID = 9  # places along x and y where the field is met


@dataclass(frozen=True, eq=False)
class Model:
    """shifts (n, 2) x y in pixels, RELION's sign; coefficients (2, 18) of x and of y, or None for whole frames only."""

    shifts: np.ndarray
    coefficients: np.ndarray | None

    def displacements(self, points: np.ndarray) -> np.ndarray:
        """(p, n, 2) pixels at points (p, 2) in [-1/2, 1/2]: where what was there in the first frame has gone."""
        found = np.broadcast_to(-self.shifts, (len(points), *self.shifts.shape)).copy()
        if self.coefficients is not None:
            local = self.coefficients.reshape(2, 6, 3)
            found -= np.einsum("ajt,pj,nt->pna", local, _shapes(points), _times(len(self.shifts)), optimize=True)
        return found


def model_of(field: Field) -> Model:
    """The model nearest to a field, over the frame and its frames."""
    if not len(field.basis.degrees):
        return Model(-field.whole, None)
    at = (np.arange(GRID) + 0.5) / GRID - 0.5
    points = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    moved = -field.at(2 * points)
    shapes, times = _shapes(points)[:, 1:], _times(len(field.whole))
    means = shapes.mean(0)
    apart = moved - moved.mean(0)
    scale = np.abs(times).max(0)
    rows = np.einsum("pj,nt->pnjt", shapes - means, times / scale).reshape(-1, shapes.shape[1] * 3)
    found = np.linalg.lstsq(rows, apart.reshape(-1, 2), rcond=1e-8)[0].reshape(-1, 3, 2) / scale[:, None]
    shifts = moved.mean(0) - np.einsum("j,nt,jta->na", means, times, found)
    coefficients = np.zeros((2, 6, 3))
    coefficients[:, 1:] = found.transpose(2, 0, 1)
    return Model(shifts - shifts[0], coefficients.reshape(2, 18))


def _shapes(points: np.ndarray) -> np.ndarray:
    x, y = points[:, 0], points[:, 1]
    return np.stack([np.ones_like(x), x, x * x, y, y * y, x * y], axis=1)


def _times(frames: int) -> np.ndarray:
    z = np.arange(frames, dtype=np.float64)
    return np.stack([z, z * z, z**3], axis=1)


def accumulated(shifts: np.ndarray, pixel_size: float, doses: np.ndarray, cutoff: float) -> tuple[float, float, float]:
    """Path of the whole frame in angstroms: total, and up to and after an accumulated dose.

    doses (n,): at the frames' ends. A frame is where it is at its middle; of the step in which the dose is reached the
    part before it is early, so that a few frames of much dose have early motion too.
    """
    steps = pixel_size * np.hypot(*np.diff(shifts, axis=0).T)
    spent = np.diff(doses)
    middles = doses[1:] - spent / 2
    early = steps * np.clip((cutoff - middles + spent) / np.maximum(spent, 1e-9), 0, 1)
    return float(steps.sum()), float(early.sum()), float((steps - early).sum())
