"""The mean of what a pose may be, from the top of its peak: of all estimates it has the least squared error.

About a top with covariance C the mean lies C E[grad log p] off it, E over the Gaussian of C: one step towards the
Gaussian that is nearest to the posterior (Opper & Archambeau, Neural Comput. 21 (2009) 786). Peaks are roughened by
the interpolation of slices, too, which moves tops but averages out of means. E is taken over the corners of a cross
polytope, which have a Gaussian's first three moments (Arasaratnam & Haykin, IEEE Trans. Autom. Control 54 (2009) 1254).
"""

from collections.abc import Callable

import numpy as np

from spa.search.orientations import turned

CORNERS = np.sqrt(5) * np.concatenate([np.eye(5), -np.eye(5)])  # (10, 5), in standard deviations; their covariance is 1
NARROW = 0.2  # radians: a turn that is known no better has no peak that a Gaussian describes
FARTHEST = 1.0  # standard deviations between a top and its mean

Slopes = Callable[[np.ndarray, np.ndarray], np.ndarray]


def centred(
    slopes: Slopes, tops: np.ndarray, shifts: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses (n, 3, 3) and shifts (n, 2) in pixels at the means of the peaks whose tops (n, 3, 3), shifts (n, 2) are.

    slopes: (n, k, 5) d log p / d(turn x 3, shift x 2) of n images at poses (n, k, 3, 3) and shifts (n, k, 2). root
    (n, 5, 5): of the peaks' covariances.
    """
    away = np.einsum("nab,kb->nka", root, CORNERS)
    poses = turned(np.repeat(tops, len(CORNERS), axis=0), away[..., :3].reshape(-1, 3))
    slope = slopes(poses.reshape(away.shape[:2] + (3, 3)), shifts[:, None] + away[..., 3:])
    step = np.einsum("nba,nkb->na", root, slope) / len(CORNERS)  # in standard deviations
    step *= np.minimum(1, FARTHEST / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-30))
    step[np.linalg.norm(root[:, :3], axis=(1, 2)) > NARROW] = 0
    off = np.einsum("nab,nb->na", root, step)
    return turned(tops, off[:, :3]), shifts + off[:, 3:]
