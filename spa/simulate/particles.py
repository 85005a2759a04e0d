"""Particle images of a specimen: projected, shifted, transferred and buried in white noise."""

import numpy as np

from spa.image import fft
from spa.image.aberrations import NONE, Aberrations
from spa.image.ctf import Lens, wavelength
from spa.image.straight import bent_poses
from spa.simulate.optics import Defocus, curved_transfer, transfer
from spa.simulate.specimen import Specimen
from spa.volume.transform import bent_projections, frequencies, projections


def clean_images(
    specimen: Specimen, poses: np.ndarray, origins: np.ndarray, lens: Lens, defocus: Defocus,
    box: int, pixel_size: float, bfactor: float = 0.0, detergent: np.ndarray | None = None,
    aberrations: Aberrations = NONE, ewald: int = 0,
) -> np.ndarray:  # fmt: skip
    """Noise-free images (n, box, box) of density-positive particles.

    poses (n, 3, 3), rows = the image's axes in the volume; origins (n, 2) x y in angstroms: the particle sits at
    -origin from the box centre; bfactor in square angstroms. detergent (n, box, box//2+1): spectra of what surrounds
    each particle, added to its projection. aberrations: of all images. ewald: 1 where density at larger
    heights (the pose's third axis) is at a larger defocus, -1 where at a smaller, 0 where all is at one defocus.
    """
    kx, ky = frequencies(box, pixel_size)
    a, b, c, d = aberrations.magnification
    q, views = (a * kx + b * ky, c * kx + d * ky), seen_from(poses, aberrations)
    if ewald:
        bend = ewald * float(np.mean(wavelength(lens.voltage))) / 2
        near, far = (bent_projections(specimen.source, views, box, pixel_size, one) for one in (-bend, bend))
        spectra = curved_transfer(near, far, lens, defocus, *q, bfactor, aberrations)
    else:
        spectra = projections(specimen.source, views, box, pixel_size)
        spectra *= transfer(lens, defocus, *q, bfactor, aberrations)
    if detergent is not None:
        spectra += detergent * transfer(lens, defocus, *q, bfactor, aberrations)
    x, y = origins[:, 0, None, None], origins[:, 1, None, None]
    spectra *= np.exp(2j * np.pi * (kx * x + ky * y))
    return np.roll(fft.irfft2(spectra, box), (box // 2, box // 2), (1, 2))


def seen_from(poses: np.ndarray, aberrations: Aberrations) -> np.ndarray:
    """Poses (n, 3, 3) at which plain projections are those that the magnification has distorted."""
    return bent_poses(poses, np.zeros(len(poses), np.int64), (aberrations,))


def signal_variance(images: np.ndarray, diameter: float) -> float:
    """Mean square of noise-free images (n, box, box), their mean taken off, over the particle's circle (pixels)."""
    centred = images - images.mean((1, 2), keepdims=True, dtype=np.float64)
    return float((centred**2).sum() / (len(images) * np.pi / 4 * diameter**2))


def noise_level(images: np.ndarray, diameter: float, snr: float) -> float:
    """Standard deviation of white noise that gives the signal-to-noise ratio within the particle's circle (pixels)."""
    return float(np.sqrt(signal_variance(images, diameter) / snr))
