"""What a refinement takes for granted of its images, looked at before it begins: no pose is needed.

Over all views the mean of a particle's projections is its map's mean over each shell, seen through the CTF: images
whose contrast is that of the map have it, images of the opposite contrast have its negative. And beyond what shows the
particle an image's power is that of its noise, which the likelihood has as strong in all images of an optics group.
And a map that is refined in a point group has its axes where the group has them.
"""

from collections.abc import Callable

import numpy as np

from spa.image.disc import shell_mean
from spa.refine.data import Images, blocks_of
from spa.search import orientations
from spa.volume.shells import lowpass
from spa.volume.slices import reference, slices
from spa.volume.transform import in_box, resampled, transform

LOBE = 1.4  # over the diameter: how far out, in the transform of a ball, the density has one sign
NOISE = 0.75  # of the band: shells from there on show next to nothing but noise
UNLIKE = 0.15  # of the noise's deviation, that images may differ by and are alike
BEYOND = 2.0  # times the median: the power of noise that is not what images have
MOST = 1000  # images that are looked at
AXES = 20.0  # angstroms: coarser, a map of subunits agrees with its average over any group
FINER = 2.5  # pixels of that on the grid where they are compared


def symmetric(volume: np.ndarray, pixel_size: float, group: np.ndarray) -> float:
    """Correlation of a map (box, box, box) with its average over operators (g, 3, 3), at 20 angstroms: 1 where it has
    that symmetry about those axes."""
    width = len(volume) * pixel_size
    side = min(len(volume), 2 * int(np.ceil(width * FINER / AXES / 2)))
    coarse = in_box(lowpass(volume, pixel_size, AXES), pixel_size, side, width / side)
    mean = resampled(transform(coarse, width / side), side, width / side, group)
    return float(np.corrcoef(coarse.ravel(), mean.ravel())[0, 1])


def _sampled(images: Images) -> np.ndarray:
    return np.arange(len(images))[:: max(1, len(images) // MOST)]


def likeness(images: Images, volume: np.ndarray, diameter: float, noise: np.ndarray) -> float:
    """Whether images have the contrast of a map (box, box, box) of a particle of a diameter (angstroms), in standard
    errors of the mean of what each says: below 0 they have the opposite. noise (groups, shells): power."""
    radius = max(2, round(LOBE * images.band.box * images.pixel_size / diameter))
    rows = _sampled(images)
    block = images.block(rows, radius, noise)
    views = orientations.directions(0.5)
    cut = slices(reference(volume, radius), orientations.frames(views, np.zeros(len(views))), block.kx, block.ky)
    mean = shell_mean(cut[:, 0], images.band).mean(axis=0)
    used = images.band.shell[: len(block.kx)] >= 1
    each = (block.x[:, 0] * block.ctf * mean[images.band.shell[: len(block.kx)]])[:, used].sum(axis=1, dtype=np.float64)
    return float(each.mean() / max(each.std() / np.sqrt(len(each)), 1e-30))


def unlike(images: Images, noise: np.ndarray) -> float:
    """By which part the noise's standard deviation differs between images, beside what optics groups differ by."""
    rows = _sampled(images)
    spread = np.sqrt(_outer(images, rows, noise))
    for number in np.unique(images.group[rows]):
        here = images.group[rows] == number
        spread[here] /= max(np.median(spread[here]), 1e-30)
    return float(1.4826 * np.median(np.abs(spread - 1)))


def loudness(images: Images, noise: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A function of rows (n,) that gives the power (n,) of each image's noise, over what images of its optics group
    have in the mean, but for those far beyond most (ice, edges)."""
    rows, usual = _sampled(images), np.ones(len(noise))
    power = _outer(images, rows, noise)
    for number in np.unique(images.group[rows]):
        here = power[images.group[rows] == number]
        usual[number] = max(here[here <= BEYOND * np.median(here)].mean(), 1e-30)
    return lambda some: _outer(images, some, noise) / usual[images.group[some]]


def _outer(images: Images, rows: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """(n,) mean power of images where they show next to nothing but noise, over the noise (groups, shells)."""
    first = images.band.count(round(NOISE * images.band.radius) - 1)
    share = 1 / noise[:, images.band.shell[first:]].astype(np.float32)
    found = []
    for part in blocks_of(rows):
        x = images.planes[part][:, :, first:]
        found.append(np.einsum("nck,nck,nk->n", x, x, share[images.group[part]]) / share.shape[1])
    return np.concatenate(found).astype(np.float64)
