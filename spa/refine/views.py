"""Images in the order of their views: those that look the same way read and write the same parts of a grid."""

import numpy as np

from spa.refine.expectation import Poses

TOGETHER = 4096  # images that are put in order among each other: those of a file are still read by and by
BELTS = 24  # of a hemisphere, each gone along the other way than the one before


def in_order(rows: np.ndarray, poses: Poses) -> np.ndarray:
    """Rows, those with near views near each other (a view and its opposite are one)."""
    axis = poses.poses[rows, poses.weight[rows].argmax(axis=1), 2]
    axis = axis * np.where(axis[:, 2] < 0, -1, 1)[:, None]
    belt = (BELTS * axis[:, 2]).astype(int)
    around = np.arctan2(axis[:, 1], axis[:, 0]) * np.where(belt % 2, -1, 1)
    return rows[np.lexsort((around, belt, np.arange(len(rows)) // TOGETHER))]
