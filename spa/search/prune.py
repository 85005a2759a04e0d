"""Which candidates of each image live on: not the hopeless, not the same pose twice."""

import numpy as np


def pruned(
    poses: np.ndarray, shifts: np.ndarray, logp: np.ndarray, operators: np.ndarray,
    keep: int, slack: float, angle: float, near: float,
) -> np.ndarray:  # fmt: skip
    """Places (n, k <= keep) of each image's survivors, best first, -1 where there are fewer.

    poses (n, m, 3, 3), shifts (n, m, 2) pixels, logp (n, m), -inf where there is none. What is `slack` below the best
    goes, and what lies within `angle` radians (over the operators (g, 3, 3)) and `near` pixels of a better one.
    """
    order = np.argsort(-logp, axis=1, kind="stable")
    rows = np.arange(len(order))[:, None]
    ranked = logp[rows, order]
    alive = (ranked > -np.inf) & (ranked >= ranked[:, :1] - slack)
    width = max(1, int(alive.sum(axis=1).max()))
    order, alive = order[:, :width], alive[:, :width]
    twins = _twins(poses[rows, order], shifts[rows, order], operators, angle, near)
    for place in range(1, width):
        alive[:, place] &= ~(alive[:, :place] & twins[:, :place, place]).any(axis=1)
    alive &= np.cumsum(alive, axis=1) <= keep
    first = np.argsort(~alive, axis=1, kind="stable")[:, : max(1, int(alive.sum(axis=1).max()))]
    return np.where(alive[rows, first], order[rows, first], -1)


def _twins(poses: np.ndarray, shifts: np.ndarray, operators: np.ndarray, angle: float, near: float) -> np.ndarray:
    """(n, m, m) whether two candidates are one pose: the trace of their quotient says how far they are turned."""
    n, m = poses.shape[:2]
    if m == 1:
        return np.ones((n, 1, 1), bool)
    close = ((shifts[:, :, None] - shifts[:, None]) ** 2).sum(axis=-1) < near**2
    image, a, b = np.nonzero(np.triu(close, 1))
    limit = 1 + 2 * np.cos(angle)
    found = np.zeros((n, m, m), bool)
    for start in range(0, len(image), 4096):
        part = slice(start, start + 4096)
        quotient = np.swapaxes(poses[image[part], b[part]], -1, -2) @ poses[image[part], a[part]]
        trace = quotient.reshape(-1, 9) @ operators.reshape(-1, 9).T
        found[image[part], a[part], b[part]] = trace.max(axis=1) > limit
    return found
