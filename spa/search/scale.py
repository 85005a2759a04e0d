"""The grey scale of the signal in each image, by least squares, drawn towards the set's mean as far as noise asks."""

import numpy as np

BOUND = 2.0  # a scale lies within this factor of the set's


def set_scale(cross: np.ndarray, norm: np.ndarray) -> float:
    """The one scale that fits all images best; (n,) Re<X, model> and <model, model> over the noise."""
    return float(cross.sum() / norm.sum())


def particle_scales(cross: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """(n,) scales of images, or groups of them; the noise of each fit is judged against how far they really differ.

    A least-squares scale has variance 1 / (2 norm). What the scales scatter beyond that is their own
    (moments: DerSimonian & Laird, Control. Clin. Trials 7 (1986) 177), and each is the posterior mean of the two.
    """
    mean = set_scale(cross, norm)
    fitted = np.divide(cross, norm, out=np.full(len(norm), mean), where=norm > 0)
    excess = (norm * (fitted - mean) ** 2).sum() - (len(norm) - 1) / 2
    own = max(0.0, excess / max(norm.sum() - (norm**2).sum() / norm.sum(), 1e-30))
    if own == 0:
        return np.full(len(norm), mean)
    return np.clip((cross + mean / (2 * own)) / (norm + 1 / (2 * own)), mean / BOUND, mean * BOUND)
