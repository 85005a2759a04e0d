"""A micrograph for the eye: Wiener's filter with the micrograph's own CTF, signal and noise.

The power in rings is split into noise, seen where the CTF passes through zero, and signal behind the CTF; the image is
what of the specimen is likeliest then, protein as dark as it came. Without a CTF the noise is the power of the finest
detail. Source: Wiener 1949; as a picture for picking: Tegunov & Cramer, Nat. Methods 16 (2019) 1146.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from spa.image import fft
from spa.picking.field import Contrast
from spa.picking.flat import background

_BLUR = 4.0  # rings
_DOUBT = 0.03  # of the noise: by so much it may be wrong, and less is not taken for signal
_DETAIL = 3.0  # pixels: the finest that is shown


def denoised(image: np.ndarray, pixel_size: float, contrast: Contrast | None, largest: float) -> np.ndarray:
    """(ny, nx) float32 of an image of that shape; pixel_size in angstroms; what is larger than ``largest`` (angstroms)
    is ice and beam, and is evened out."""
    ny, nx = image.shape
    image = image - background(image, largest / pixel_size)
    spectrum = fft.rfft2(image)
    ky, kx = np.fft.fftfreq(ny, pixel_size)[:, None].astype(np.float32), np.fft.rfftfreq(nx, pixel_size)[None]
    kx = kx.astype(np.float32)
    k = np.sqrt(kx * kx + ky * ky)
    rings = min(ny, nx) // 2
    ring = np.minimum((k * np.float32(2 * pixel_size * rings)).astype(np.int32), rings - 1)
    ctf = np.ones_like(k) if contrast is None else contrast.at(kx, ky).astype(np.float32, copy=False)
    signal, noise = _parted(spectrum[::2], ring[::2].ravel(), rings, None if contrast is None else ctf[::2])
    frequency = (np.arange(rings) + 0.5) / (2 * pixel_size * rings)
    band = (1 - np.exp(-((frequency * 2 * largest) ** 2) / 2)) / (1 + (frequency * pixel_size * _DETAIL) ** 12)
    ratio = (signal * band**2 / noise).astype(np.float32)[ring]
    return fft.irfft2(spectrum * (ctf * ratio / (ctf * ctf * ratio + 1)), nx)


def _parted(
    spectrum: np.ndarray, ring: np.ndarray, rings: int, ctf: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Power of signal and of noise in each ring."""
    power = (spectrum.real**2 + spectrum.imag**2).ravel()
    count = np.maximum(np.bincount(ring, minlength=rings), 1)
    mean = np.bincount(ring, power, rings) / count
    if ctf is None:
        noise = np.full(rings, np.median(mean[int(0.8 * rings) : int(0.95 * rings) + 1]))
        return np.maximum(gaussian_filter1d(mean, _BLUR, mode="nearest") - noise, 0), noise
    square = (ctf * ctf).ravel()
    noise = _floor(mean, np.bincount(ring, square, rings) / count)
    seen = np.bincount(ring, square * power, rings) - np.bincount(ring, square, rings) * noise
    sums = [gaussian_filter1d(one, _BLUR, mode="nearest") for one in (seen, np.bincount(ring, square**2, rings))]
    signal = sums[0] / np.maximum(sums[1], 1e-12)
    signal = np.maximum(signal - _DOUBT * noise, 1e-12 * noise)
    peak = int(np.argmax(signal[: max(1, rings // 4)]))  # before it the ground was evened out: nothing is left there
    signal[peak:] = np.minimum.accumulate(signal[peak:])
    return signal, noise


def _floor(mean: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Noise in each ring: the power where the CTF is near zero beyond its first peak, between such rings interpolated.

    Where there are fewer than two, the least power nearby.
    """
    peak = int(np.argmax(square > 0.6))
    low = peak + np.flatnonzero(square[peak:] < 0.2)
    if len(low) < 2:
        return np.maximum(minimum_filter1d(mean, max(3, len(mean) // 8), mode="nearest"), 1e-20)
    found = np.exp(np.interp(np.arange(len(mean)), low, np.log(np.maximum(mean[low], 1e-20))))
    return np.maximum(gaussian_filter1d(found, _BLUR, mode="nearest"), 1e-20)
