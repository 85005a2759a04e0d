"""Likelihoods of images under maps of differences."""

import numpy as np

from spa.class3d.consensus import Residuals
from spa.volume.slices import Reference, slices


def cuts(found: Residuals, rows: np.ndarray, sources: list[Reference], count: int) -> np.ndarray:
    """(rows, sources, 2, count): slices of each source at the images' poses."""
    band = found.images.band
    kx, ky = band.kx[:count], band.ky[:count]
    return np.stack([slices(source, found.poses[rows], kx, ky) for source in sources], axis=1)


def moments(found: Residuals, rows: np.ndarray, sources: list[Reference], radius: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, c) and (rows, c, c): log p of a combination z of the sources is linear.z - z.quadratic.z / 2."""
    matched, weight = found.block(rows, radius)
    cut = cuts(found, rows, sources, weight.shape[1])
    flat = cut.reshape(len(rows), len(sources), -1)
    linear = 2 * np.matmul(flat, matched.reshape(len(rows), -1, 1))[..., 0]
    white = (cut * np.sqrt(weight)[:, None, None]).reshape(flat.shape)
    quadratic = 2 * np.matmul(white, np.swapaxes(white, 1, 2))
    return linear.astype(np.float64), quadratic.astype(np.float64)


def posterior(logp: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of log p (n, c) and the classes' shares (c,): posterior (n, c), and the evidence (n,) log sum share p."""
    joint = logp + np.log(np.maximum(share, 1e-12))
    top = joint.max(axis=1, keepdims=True)
    weight = np.exp(joint - top)
    total = weight.sum(axis=1, keepdims=True)
    return weight / total, (np.log(total) + top)[:, 0]
