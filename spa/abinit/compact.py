"""The low band of images as images of a small box: everything ab initio does is done there."""

from dataclasses import replace

import numpy as np

from spa.image import fft
from spa.image.disc import disc
from spa.refine.data import Images
from spa.volume.shells import apply_radial
from spa.volume.slices import regridded


def compact(images: Images, radius: int, rows: np.ndarray | None = None) -> Images:
    """The same images, or rows of them, in shells up to radius, their box as small as the band allows (and as wide, in
    angstroms). Nothing is copied, or read, of what lies beyond."""
    radius = min(radius, images.band.radius)
    box = min(fft.good_size(2 * radius + 6), images.band.box)
    band = disc(box, radius)
    low = replace(images, planes=images.planes[:, :, : len(band)])
    low = low if rows is None else low.of(rows)
    whole = rows is None and len(band) == images.planes.shape[2]  # what lies in a file stays there
    planes = images.planes if whole else np.ascontiguousarray(low.planes)
    return replace(low, band=band, pixel_size=images.pixel_size * images.band.box / box, planes=planes)


def rescaled(volume: np.ndarray, box: int) -> np.ndarray:
    """A map on another grid (box, box, box) of the same width, in the grey scale of images of that box."""
    return volume if len(volume) == box else regridded(volume, box) * np.float32((len(volume) / box) ** 2)


def faded(volume: np.ndarray, radius: int) -> np.ndarray:
    """The map up to a shell, its last two fading out."""
    curve = np.zeros(len(volume) // 2 + 1)
    curve[: radius + 1] = 1
    curve[radius - 1], curve[radius] = 0.75, 0.25
    return apply_radial(volume, curve)
