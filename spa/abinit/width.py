"""How wide a class's particle is: the narrowest sphere that makes images which its map has not seen no less likely.

What is told is the largest that the particle may be, and in a mixture that of the largest particle. How fine a detail
the mini-batches must come to follows from the particle itself: views of one that takes half of the sphere differ in the
shells beyond those that would do for one that fills it, and no batch of images finds its poses without them.
"""

from dataclasses import replace

import numpy as np

from spa.abinit import score, shape, stochastic
from spa.abinit.plan import Settings
from spa.refine.classes import shares
from spa.refine.data import Images
from spa.refine.problem import ALONE, Workers

PARTS = 0.9 ** np.arange(8)  # of the diameter: spheres that are tried
COST = 0.01  # of the evidence: a sphere that costs no more cuts nothing
ROOM = 1.2  # of the narrowest one: what is faint lies around it
LESS = 0.8  # of what is known: a width above it is not followed, as the band would hardly be finer


def measured(
    images: Images, maps: np.ndarray, sizes: np.ndarray, noise: np.ndarray, settings: Settings, rows: np.ndarray,
    bands: tuple[int, ...], workers: Workers = ALONE,
) -> Settings:  # fmt: skip
    """The settings with the widths of maps (c, n, n, n), each of so many shells, by images rows, which they have not
    seen; sizes (c,). Widths that are known already only shrink: maps hold nothing beyond them."""
    spheres = np.stack([stochastic.sphere(images, part * settings.diameter) for part in PARTS])
    inside = maps * stochastic.solvents(images, settings)
    cut = (inside[:, None] * spheres).reshape(-1, *maps.shape[1:])
    scale = score.scale(settings, stochastic.side_of(images), bands)
    shells = tuple(band for band in bands for _ in PARTS)
    power = shape.signal_power(images, rows, noise, np.ones((len(rows), 1)))[0]  # of each: none gains by being faint
    whole = np.stack([shape.with_power(one, power, band) for one, band in zip(cut, shells)])
    logs, _ = score.logs(images, whole, noise, settings, rows, scale, shells, workers)
    logs = logs.reshape(len(rows), len(maps), len(PARTS)).astype(np.float64)
    weight = shares(logs[:, :, 0] + np.log(sizes + 1e-12))
    found = [ROOM * settings.diameter * narrowest(one, w) for one, w in zip(logs.swapaxes(0, 1), weight.T)]
    before = [settings.width_of(number) for number in range(len(maps))]
    if all(new > LESS * old for new, old in zip(found, before)):
        return settings
    return replace(settings, widths=tuple(min(new, old) for new, old in zip(found, before)))


def narrowest(logs: np.ndarray, weight: np.ndarray) -> float:
    """Of `PARTS`, the least before any that lowers the mean of log evidence (n, parts) of images by more than its
    standard error, and than a `COST` of all that the map is worth; weight (n,): how much of each image is the
    class's."""
    gain = logs - logs[:, :1]
    total = max(weight.sum(), 1e-12)
    mean, worth = weight @ gain / total, weight @ logs[:, 0] / total
    error = np.sqrt(weight**2 @ (gain - mean) ** 2) / total
    worse = mean < -np.maximum(error, COST * max(worth, 0.0))
    return float(PARTS[worse.argmax() - 1] if worse.any() else PARTS[-1])
