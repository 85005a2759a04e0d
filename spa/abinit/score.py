"""Which of several maps is right: the likelihood of images that no map was made from."""

import numpy as np

from spa.abinit import shape, soft
from spa.abinit.plan import Settings, extent_of, grid_step
from spa.abinit.stochastic import Run, blocks, generator, shifts_for, solvent
from spa.image.disc import shell_mean
from spa.refine.data import Images, ordinary
from spa.search import orientations
from spa.volume.slices import reference, slices

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
    band: int, run: Run = map,
) -> tuple[float, float]:  # fmt: skip
    """Mean log evidence of rows in shells up to band over every pose and class (c, n, n, n), and mean greatest weight.

    All maps get the power that the images' signal has, so that none gains by its grey scale.
    """
    power = shape.signal_power(images, rows, noise, np.ones((len(rows), 1)))[0]
    mask = solvent(images, settings)
    step = grid_step(band, extent_of(settings.diameter, images.band.box, images.pixel_size), len(settings.operators))
    poses = orientations.grid(step, settings.operators, generator(3))
    count = images.band.count(band)
    kx, ky = images.band.kx[:count], images.band.ky[:count]
    scaled = [shape.with_power(one * mask, power, band) for one in maps]
    columns = soft.slices_of(poses, list(run(lambda one: slices(reference(one, band), poses, kx, ky), scaled)))
    shifts, sigma = shifts_for(images, settings, band)

    def one(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = soft.posterior(images.block(part, band, noise), columns, shifts, sigma)
        return found[3] + np.log(sizes + 1e-12), found[5]

    found = list(run(one, blocks(rows, len(shifts) * len(columns.packed))))
    logs, peaks = (np.concatenate(part) for part in zip(*found))
    top = logs.max(axis=1)
    return float((top + np.log(np.exp(logs - top[:, None]).sum(axis=1))).mean()), float(peaks.mean())
