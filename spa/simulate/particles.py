"""Particle images of a specimen: projected, shifted, transferred and buried in white noise."""

import numpy as np

from spa.image import fft
from spa.image.aberrations import NONE, Aberrations
from spa.image.ctf import Lens
from spa.image.straight import bent_poses
from spa.simulate.optics import Defocus, transfer
from spa.simulate.specimen import Specimen
from spa.volume.transform import frequencies, projections


def clean_images(
    specimen: Specimen, poses: np.ndarray, origins: np.ndarray, lens: Lens, defocus: Defocus,
    box: int, pixel_size: float, bfactor: float = 0.0, detergent: np.ndarray | None = None,
    aberrations: Aberrations = NONE,
) -> np.ndarray:  # fmt: skip
    """Noise-free images (n, box, box) of density-positive particles.

    poses (n, 3, 3), rows = the image's axes in the volume; origins (n, 2) x y in angstroms: the particle sits at
    -origin from the box centre; bfactor in square angstroms. detergent (n, box, box//2+1): spectra of what surrounds
    each particle, added to its projection. aberrations: of all images.
    """
    kx, ky = frequencies(box, pixel_size)
    a, b, c, d = aberrations.magnification
    spectra = projections(specimen.source, seen_from(poses, aberrations), box, pixel_size)
    if detergent is not None:
        spectra += detergent
    x, y = origins[:, 0, None, None], origins[:, 1, None, None]
    seen = transfer(lens, defocus, a * kx + b * ky, c * kx + d * ky, bfactor, aberrations)
    spectra *= seen * np.exp(2j * np.pi * (kx * x + ky * y))
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
