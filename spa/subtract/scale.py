"""The grey scale of the signal in each image, by least squares, drawn towards the set's mean as far as noise asks."""

import numpy as np

BEND = 0.02  # of a shell's factor, from the line through its neighbours
BOUND = 2.0  # a particle's scale lies within this factor of the set's


def shell_factors(cross: np.ndarray, norm: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """(shells, p) factors of p parts of the signal that fit best, from `views.shell_products`.

    They make up for a blur that the map has and the particles have not. noise (shells,): power of a coefficient; as
    far as it leaves the factors open, they are smooth: second differences of BEND, and about 1.
    """
    shells, p = cross.shape
    bend = np.diff(np.eye(shells), 2, axis=0) / BEND
    prior = bend.T @ bend + np.eye(shells)
    precision = np.zeros((shells, p, shells, p))
    for part in range(p):
        precision[:, part, :, part] = prior
    k = np.arange(shells)
    precision[k, :, k, :] += 2 * norm / noise[:, None, None]
    target = (2 * cross / noise[:, None]) + 1.0
    found = np.linalg.solve(precision.reshape(shells * p, shells * p), target.ravel())
    return found.reshape(shells, p).clip(0, None)


def set_scale(cross: np.ndarray, norm: np.ndarray) -> float:
    """The one scale that fits all images best; cross and norm (n,) as `views.agreement` gives them."""
    return float(cross.sum() / norm.sum())


def particle_scales(cross: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """(n,) scales of the particles; the noise of each fit is judged against how far the particles really differ.

    A least-squares scale has variance 1 / (2 norm). What the scales scatter beyond that is the particles' own
    (moments: DerSimonian & Laird, Control. Clin. Trials 7 (1986) 177), and each is the posterior mean of the two.
    """
    mean = set_scale(cross, norm)
    fitted = np.divide(cross, norm, out=np.full(len(norm), mean), where=norm > 0)
    excess = (norm * (fitted - mean) ** 2).sum() - (len(norm) - 1) / 2
    own = max(0.0, excess / max(norm.sum() - (norm**2).sum() / norm.sum(), 1e-30))
    if own == 0:
        return np.full(len(norm), mean)
    return np.clip((cross + mean / (2 * own)) / (norm + 1 / (2 * own)), mean / BOUND, mean * BOUND)
