"""Where averages come from at the start, and what becomes of those that nobody belongs to."""

import numpy as np

from spa.class2d import kernels
from spa.class2d.images import Images
from spa.class2d.plane import Plane, turns

_SEEDED = 100  # images an average is made of at the start, at most


def rng(seed: int, *keys: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the keys alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=keys)))


def random_sums(
    images: Images, fold: np.ndarray, folds: int, classes: int, radius: int, variance: np.ndarray, seed: int
) -> np.ndarray:
    """Sums (F, C, cells, 3) of random images, not aligned: blobs that differ by chance alone.

    fold (n,) of each image; variance (groups, shells) of the noise.
    """
    plane, count = Plane(images.band.box, radius), images.band.count(radius)
    sums = np.zeros((folds, classes, plane.cells, 3), np.float32)
    chosen = rng(seed, 0).permutation(len(images))[: _SEEDED * classes]
    turn = turns(plane, images.band, count, np.zeros(1))
    for f in range(folds):
        mine = chosen[fold[chosen] == f]
        for cls in range(classes):
            rows = np.sort(mine[cls::classes])
            c = images.ctf(rows, count)
            weight = c / variance[images.group[rows]][:, images.band.shell[:count]]
            re, im = (images.planes[rows, :, :count] * weight[:, None]).sum(0)
            column = np.stack([re, im, (c * weight).sum(0)]).astype(np.float32)
            kernels.scatter(
                column, sums[f, cls], turn.index[0], turn.fx[0], turn.fy[0], turn.sign[0], plane.columns
            )  # fmt: skip
    return sums


def pairs(prior: np.ndarray) -> list[tuple[int, int]]:
    """(a full class, a nearly empty one) to share its images; prior (C,) shares of the classes."""
    order = np.argsort(-prior, kind="stable")
    poor = [c for c in order[::-1] if prior[c] < 0.15 / len(prior)]
    return [(int(rich), int(c)) for rich, c in zip(order, poor) if prior[rich] >= 1.5 / len(prior)]


def assigned_sums(
    images: Images, rows: np.ndarray, fold: np.ndarray, folds: int, plane: Plane, variance: np.ndarray,
    psi: np.ndarray, shift: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Sums (F, cells, 3) of images, each at its angle psi (n,) and shift (n, 2) pixels, in its fold (n,)."""
    band, count = images.band, images.band.count(plane.radius)
    c = images.ctf(rows, count)
    weight = c / variance[images.group[rows]][:, band.shell[:count]]
    phase = shift @ (2 * np.pi / band.box * np.stack([band.kx[:count], band.ky[:count]]))
    x = images.planes[rows, :, :count]
    moved = (x[:, 0] + 1j * x[:, 1]) * np.exp(1j * phase) * weight
    columns = np.stack([moved.real, moved.imag, c * weight], axis=1).astype(np.float32)
    turn = turns(plane, band, count, psi.astype(float))
    sums = np.zeros((folds, plane.cells, 3), np.float32)
    for i, column in enumerate(columns):
        kernels.scatter(
            column, sums[fold[i]], turn.index[i], turn.fx[i], turn.fy[i], turn.sign[i], plane.columns
        )  # fmt: skip
    return sums
