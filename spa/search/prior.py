"""What is believed of a pose before the image is seen: Gaussians of its shift and of its turn."""

from dataclasses import dataclass

import numpy as np

from spa.volume.rotations import rotation_vectors


@dataclass(frozen=True, eq=False)
class Prior:
    """Of n images: shifts (pixels) about centres (n, 2); turns (radians) about poses (n, 3, 3) where these are given.

    Its log is 0 at the centre; turns are small vectors in the image's frame, as in `newton`.
    """

    centres: np.ndarray
    shift_sigma: float
    poses: np.ndarray | None = None
    turn_sigma: float = np.inf

    @classmethod
    def flat(cls, n: int) -> "Prior":
        """One that knows nothing."""
        return cls(np.zeros((n, 2)), np.inf)

    def of(self, rows: np.ndarray) -> "Prior":
        """That of some images."""
        return Prior(
            self.centres[rows], self.shift_sigma, None if self.poses is None else self.poses[rows], self.turn_sigma
        )

    def logp(self, rows: np.ndarray, poses: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """(j,) of images rows at poses (j, 3, 3) and shifts (j, 2)."""
        away = self._away(rows, poses, shifts)
        return -0.5 * (away**2 @ self._precision())

    def gradient(self, rows: np.ndarray, poses: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """(j, 5) d log p / d(turn x 3, shift x 2)."""
        return -self._away(rows, poses, shifts) * self._precision()

    def curvature(self) -> np.ndarray:
        """(5, 5) of -d2 log p."""
        return np.diag(self._precision())

    def _precision(self) -> np.ndarray:
        turn = 0.0 if self.poses is None else self.turn_sigma**-2
        return np.array([turn] * 3 + [self.shift_sigma**-2] * 2)

    def _away(self, rows: np.ndarray, poses: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """(j, 5) how far poses and shifts are from where they are expected."""
        out = np.zeros((len(rows), 5))
        out[:, 3:] = shifts - self.centres[rows]
        if self.poses is not None:
            # A = E(w)^T A0, so E(w) = A0 A^T
            out[:, :3] = rotation_vectors(self.poses[rows] @ np.swapaxes(poses, -1, -2))
        return out
