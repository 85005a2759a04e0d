"""The low band of images as images of a small box: everything ab initio does is done there."""

from dataclasses import replace

import numpy as np

from spa.image import fft
from spa.image.disc import disc
from spa.refine.data import Images
from spa.volume.shells import apply_radial


def compact(images: Images, radius: int) -> Images:
    """The same images in shells up to radius, their box as small as the band allows (and as wide, in angstroms)."""
    radius = min(radius, images.band.radius)
    box = min(fft.good_size(2 * radius + 6), images.band.box)
    band = disc(box, radius)
    planes = np.ascontiguousarray(images.planes[:, :, : len(band)])
    return replace(images, band=band, pixel_size=images.pixel_size * images.band.box / box, planes=planes)


def enlarged(volume: np.ndarray, box: int) -> np.ndarray:
    """A map on a finer grid (box, box, box) of the same width, in the grey scale of images of that box."""
    n = len(volume)
    if n == box:
        return volume
    spectrum = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(volume)))
    if n % 2 == 0:
        spectrum[0], spectrum[:, 0], spectrum[:, :, 0] = 0, 0, 0
    out = np.zeros((box,) * 3, np.complex128)
    first = box // 2 - n // 2
    out[(slice(first, first + n),) * 3] = spectrum * (box / n)
    return np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(out)).real).astype(np.float32)


def faded(volume: np.ndarray, radius: int) -> np.ndarray:
    """The map up to a shell, its last two fading out."""
    curve = np.zeros(len(volume) // 2 + 1)
    curve[: radius + 1] = 1
    curve[radius - 1], curve[radius] = 0.75, 0.25
    return apply_radial(volume, curve)
