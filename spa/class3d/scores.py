"""Likelihoods of images under combinations of maps."""

from typing import Protocol

import numpy as np

from spa.refine.data import Images
from spa.volume.slices import Reference, slices


class Seen(Protocol):
    """Images at poses (n, 3, 3); block: m (rows, 2, count) and w (rows, count) in shells up to a radius."""

    @property
    def images(self) -> Images: ...
    @property
    def poses(self) -> np.ndarray: ...
    def block(self, rows: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]: ...


def cuts(found: Seen, rows: np.ndarray, sources: list[Reference], count: int) -> np.ndarray:
    """(rows, sources, 2, count): slices of each source at the images' poses."""
    band = found.images.band
    kx, ky = band.kx[:count], band.ky[:count]
    return np.stack([slices(source, found.poses[rows], kx, ky) for source in sources], axis=1)


def moments(found: Seen, rows: np.ndarray, sources: list[Reference], radius: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, c) and (rows, c, c): log p of a combination z of the sources is linear.z - z.quadratic.z / 2."""
    matched, weight = found.block(rows, radius)
    cut = cuts(found, rows, sources, weight.shape[1])
    flat = cut.reshape(len(rows), len(sources), -1)
    linear = 2 * np.matmul(flat, matched.reshape(len(rows), -1, 1))[..., 0]
    cut *= np.sqrt(weight)[:, None, None]
    quadratic = 2 * np.matmul(flat, np.swapaxes(flat, 1, 2))
    return linear.astype(np.float64), quadratic.astype(np.float64)


def posterior(logp: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of log p (n, c) and the classes' shares (c,): posterior (n, c), and the evidence (n,) log sum share p."""
    joint = logp + np.log(np.maximum(share, 1e-12))
    top = joint.max(axis=1, keepdims=True)
    weight = np.exp(joint - top)
    total = weight.sum(axis=1, keepdims=True)
    return weight / total, (np.log(total) + top)[:, 0]
