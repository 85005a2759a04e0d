"""Which of several maps is right: the likelihood of images that no map was made from."""

import numpy as np

from spa.abinit import batch, shape
from spa.abinit.plan import Settings, extent_of, grid_step
from spa.abinit.stochastic import generator, shifts_for, solvent
from spa.image.disc import shell_mean
from spa.refine.data import Images, ordinary
from spa.refine.problem import ALONE, Workers
from spa.search import orientations

MOST = 400  # images held out


def held_out(images: Images, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows to learn from, rows held out): a tenth, at most 400, is held out; both without what is `glaring`."""
    order = generator(seed, 2).permutation(np.flatnonzero(~glaring(images)))
    count = min(MOST, len(order) // 10)
    return np.sort(order[count:]), np.sort(order[:count])


def glaring(images: Images) -> np.ndarray:
    """(n,) bool: images with far more power than most in two shells or more: ice, edges, aggregates.

    Their evidence is huge, whatever the map, and would drown that of the others.
    """
    parts = np.array_split(np.arange(len(images)), max(1, len(images) // 1000))
    power = np.concatenate([shell_mean((images.planes[part] ** 2).sum(axis=1), images.band) for part in parts])
    return (~ordinary(power, images.band)[:, 1:]).sum(axis=1) >= 2


def evidence(
    images: Images, maps: np.ndarray, sizes: np.ndarray, noise: np.ndarray, settings: Settings, rows: np.ndarray,
    band: int, workers: Workers = ALONE,
) -> tuple[float, float]:  # fmt: skip
    """Mean log evidence of rows in shells up to band over every pose and class (c, n, n, n), and mean greatest weight.

    All maps get the power that the images' signal has, so that none gains by its grey scale.
    """
    power = shape.signal_power(images, rows, noise, np.ones((len(rows), 1)))[0]
    mask = solvent(images, settings)
    step = grid_step(band, extent_of(settings.diameter, images.band.box, images.pixel_size), len(settings.operators))
    poses = orientations.grid(step, settings.operators, generator(3))
    scaled = np.stack([shape.with_power(one * mask, power, band) for one in maps])
    grid = batch.Grid(band, poses, *shifts_for(images, settings, band))
    logs, peaks = batch.evidence(images, rows, scaled, noise, grid, workers)
    logs = logs + np.log(sizes + 1e-12)
    top = logs.max(axis=1)
    return float((top + np.log(np.exp(logs - top[:, None]).sum(axis=1))).mean()), float(peaks.mean())
