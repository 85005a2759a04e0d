"""Where averages come from at the start, and what becomes of those that nobody belongs to."""

import numpy as np

from spa.class2d import kernels
from spa.class2d.images import Images
from spa.class2d.plane import Plane, turns

_SEEDED = 100  # images an average is made of at the start, at most
_SHADING = 0.5  # root mean square by which a variant differs


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


def revived(
    plane: Plane, sums: np.ndarray, prior: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sums (F, C, cells, 3) and priors (C,) in which nearly empty classes have become variants of the fullest ones.

    A variant is the same average under a smooth random shading, the same in all folds: classes must mean the same
    in each.
    """
    order = np.argsort(-prior, kind="stable")
    poor = [c for c in order[::-1] if prior[c] < 0.15 / len(prior)]
    pairs = [(rich, c) for rich, c in zip(order, poor) if prior[rich] >= 1.5 / len(prior)]
    if pairs:
        sums, prior = sums.copy(), prior.copy()
    for rich, c in pairs:
        value = (sums[:, rich, :, 0] + 1j * sums[:, rich, :, 1]).astype(np.complex64)
        value = plane.shaded(value, 1 + _SHADING * shading(plane.small, generator))
        sums[:, c] = 0.5 * np.stack([value.real, value.imag, sums[:, rich, :, 2]], -1)
        sums[:, rich] *= np.float32(0.5)
        prior[rich] = prior[c] = (prior[rich] + prior[c]) / 2
    return sums, prior


def shading(size: int, generator: np.random.Generator) -> np.ndarray:
    """(size, size) a smooth random field of a few waves across, mean square 1."""
    x = np.arange(size) / size - 0.5
    field = np.zeros((size, size))
    for _ in range(6):
        ky, kx, phase = *generator.uniform(-2, 2, 2), generator.uniform(0, 2 * np.pi)
        field += np.cos(2 * np.pi * (ky * x[:, None] + kx * x) + phase)
    return (field / np.sqrt((field**2).mean())).astype(np.float32)
