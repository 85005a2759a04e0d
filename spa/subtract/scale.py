"""What parts of the signal are worth in each shell of the images, by least squares."""

import numpy as np

BEND = 0.02  # of a shell's factor, from the line through its neighbours


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
