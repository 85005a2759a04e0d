"""Maps and poses turned onto a group's axes, the origin onto their crossing (or their line)."""

import numpy as np

from spa.symmetry.align import turned
from spa.symmetry.prepared import smaller


def laid(volume: np.ndarray, frame: np.ndarray, centre: np.ndarray, operators: np.ndarray | None = None) -> np.ndarray:
    """The map (n, n, n) turned by a frame (3, 3), see `frames`, about centre (x, y, z; pixels from the box's middle).

    operators (g, 3, 3): of a group that it is averaged over.
    """
    moved = smaller(volume, len(volume), centre)
    turns = frame[None] if operators is None else operators @ frame
    return turned(moved, turns).astype(np.float32)


def averaged(volume: np.ndarray, frame: np.ndarray, centre: np.ndarray, operators: np.ndarray) -> np.ndarray:
    """The map (n, n, n) averaged over a group (g, 3, 3) about the axes where they are: neither turned nor moved."""
    n = len(volume)
    moved = smaller(volume, n, centre)
    return smaller(turned(moved, frame.T @ operators @ frame), n, -centre).astype(np.float32)


def laid_poses(
    poses: np.ndarray, shifts: np.ndarray, frame: np.ndarray, centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses (n, 3, 3) and the particles' shifts (n, 2) (in the unit of centre) of the same images of the laid map."""
    return poses @ frame.T, shifts + poses[:, :2] @ centre
