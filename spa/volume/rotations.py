"""Rotations as vectors: axis times angle in radians."""

import numpy as np


def rotation_vectors(matrices: np.ndarray) -> np.ndarray:
    """Axis times angle in radians (..., 3), the angle at most pi, of rotation matrices (..., 3, 3).

    By the quaternion, from its largest component (Shepperd, J. Guid. Control 1 (1978) 223).
    """
    m = np.asarray(matrices, np.float64)
    trace = np.trace(m, axis1=-2, axis2=-1)
    squares = np.stack([trace, *(m[..., i, i] for i in range(3))], axis=-1)
    squares[..., 1:] = 1 + 2 * squares[..., 1:] - trace[..., None]
    squares[..., 0] += 1  # four times the squares of w, x, y, z
    skew = np.stack([m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], axis=-1)
    rows = np.empty((*trace.shape, 4, 4))  # each the quaternion, times four of its components
    rows[..., 0, 1:] = rows[..., 1:, 0] = skew
    rows[..., 1:, 1:] = m + np.swapaxes(m, -1, -2)
    rows[..., range(4), range(4)] = squares
    found = np.take_along_axis(rows, squares.argmax(axis=-1)[..., None, None], axis=-2)[..., 0, :]
    found /= np.linalg.norm(found, axis=-1, keepdims=True)
    found *= np.where(found[..., :1] < 0, -1.0, 1.0)
    sine = np.linalg.norm(found[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, found[..., :1])
    return found[..., 1:] * np.where(sine > 0, angle / np.where(sine > 0, sine, 1.0), 2.0)


def from_rotation_vectors(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (n, 3, 3) of axis times angle in radians (n, 3), by Rodrigues' formula."""
    v = np.atleast_2d(np.asarray(vectors, np.float64))
    angle = np.linalg.norm(v, axis=-1)[:, None, None]
    safe = np.where(angle > 0, angle, 1.0)
    zero = np.zeros(len(v))
    cross = np.array([[zero, -v[:, 2], v[:, 1]], [v[:, 2], zero, -v[:, 0]], [-v[:, 1], v[:, 0], zero]])
    k = np.moveaxis(cross, -1, 0) / safe
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)
