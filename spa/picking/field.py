"""A micrograph made ready for picking: small, flat, protein bright, with its power spectrum."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.image import fft
from spa.image.ctf import Lens, ctf
from spa.image.resample import fourier_resized
from spa.picking.flat import clipped, inside, smoothed

_FLOOR = 0.03  # of the strongest power in the band: whitening does not raise what is weaker than that
_CLIP = 4.0  # standard deviations


@dataclass(frozen=True)
class Scope:
    """What is looked for: diameters and the finest detail, in angstroms."""

    smallest: float
    largest: float
    lowpass: float = 20.0

    @property
    def pixel_size(self) -> float:
        """The coarsest sampling that holds the band and shows the smallest particle."""
        return min(self.lowpass / 2.2, self.smallest / 11)

    @property
    def reach(self) -> float:
        """Radius (angstroms) inside which a particle and its fringes are taken into account."""
        return 0.7 * self.largest


@dataclass(frozen=True)
class Contrast:
    """The CTF of one micrograph: defocus in angstroms, angles in radians."""

    lens: Lens
    defocus_u: float
    defocus_v: float
    angle: float
    phase_shift: float = 0.0

    def at(self, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
        """CTF at frequencies in 1/angstrom."""
        args = (np.float64(value) for value in (self.defocus_u, self.defocus_v, self.angle, self.phase_shift))
        return ctf(self.lens, kx, ky, *args)


class Field:
    """The working image of a micrograph.

    image: (ny, nx) float32, local mean 0 and sd 1, protein bright; pixel_size in angstroms; step: (y, x) pixels of the
    micrograph per pixel here; corner: (y, x) of the first pixel here in the micrograph.
    The image lies in a larger, zero-padded frame, so that nothing wraps round. compare: who compares shapes with it, in
    the place of `spa.picking.matched.compared`.
    """

    compare: Callable[..., Any] | None = None

    def __init__(
        self, image: np.ndarray, pixel_size: float, scope: Scope, step: tuple[float, ...] = (1.0, 1.0),
        corner: tuple[float, ...] = (0, 0), contrast: Contrast | None = None,
    ) -> None:  # fmt: skip
        self.image, self.pixel_size, self.scope = image, pixel_size, scope
        self.step, self.corner, self.contrast = np.array(step), np.array(corner), contrast
        margin = int(np.ceil(2 * scope.reach / pixel_size))
        self.frame = tuple(fft.good_size(n + margin) for n in image.shape)
        self.ky = np.fft.fftfreq(self.frame[0])[:, None] / pixel_size
        self.kx = np.fft.rfftfreq(self.frame[1])[None] / pixel_size
        self.k = np.hypot(self.kx, self.ky)

    def middle(self, size: int) -> "Field":
        """The field's middle, ``size`` pixels a side at most: enough to judge shapes by."""
        top, left = (max(0, (n - size) // 2) for n in self.image.shape)
        piece = self.image[top : top + size, left : left + size]
        corner = self.corner + self.step * (top, left)
        found = Field(piece, self.pixel_size, self.scope, tuple(self.step), tuple(corner), self.contrast)
        found.compare = self.compare
        return found

    def blind(self) -> "Field":
        """The same without its CTF."""
        found = copy(self)  # with what has been made already, but for the CTF
        found.contrast = None
        found.__dict__.pop("ctf", None)
        return found

    def framed(self, image: np.ndarray) -> np.ndarray:
        """Transform of an image of the field's shape in the frame."""
        frame = np.zeros(self.frame, np.float32)
        frame[: image.shape[0], : image.shape[1]] = image
        return fft.rfft2(frame)

    def unframed(self, spectrum: np.ndarray) -> np.ndarray:
        """The field's part of the image whose transform this is."""
        return fft.irfft2(spectrum, self.frame[1])[: self.image.shape[0], : self.image.shape[1]]

    @cached_property
    def cover_ft(self) -> np.ndarray:
        """Transform of 1 inside the image, 0 in the padding."""
        return self.framed(np.ones_like(self.image))

    @cached_property
    def ctf(self) -> np.ndarray | float:
        """CTF on the frame's half spectrum; 1 where the defocus is not known."""
        return 1.0 if self.contrast is None else self.contrast.at(self.kx, self.ky).astype(np.float32)

    @cached_property
    def _radial(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frequencies (1/angstrom), the power there, and what whitening divides amplitudes by."""
        power, frequency = radial_power(self.framed(self.image), self.k, self.pixel_size)
        band = (frequency > 1 / (2 * self.scope.largest)) & (frequency < 1 / self.scope.lowpass)
        floored = power + _FLOOR * power[band].max(initial=float(power.max()) if not band.any() else 0.0)
        return frequency, power, np.sqrt(floored)

    def _whitening_at(self, k: np.ndarray) -> np.ndarray:
        frequency, _, amplitude = self._radial
        return 1 / np.sqrt(1 + (k * self.scope.lowpass) ** 16) / np.interp(k, frequency, amplitude)

    @cached_property
    def whitening(self) -> np.ndarray:
        """Band-pass over the square root of the radial power: multiplies a spectrum to make the background white."""
        return self._whitening_at(self.k).astype(np.float32)

    def noise_gain(self, radii: np.ndarray, azimuths: int) -> np.ndarray:
        """(R, azimuths) at frequencies radii (1/angstrom): power that noise has after the CTF and two whitenings.

        Times ``unit`` squared and a template's power, summed over frequencies, it is the variance of the template's
        correlation with noise.
        """
        frequency, power, _ = self._radial
        gain = self._whitening_at(radii) ** 4 * np.interp(radii, frequency, power)
        if self.contrast is None:
            return np.repeat(gain[:, None], azimuths, axis=1)
        azimuth = 2 * np.pi * np.arange(azimuths) / azimuths
        kx, ky = (radii[:, None] * side for side in (np.cos(azimuth), np.sin(azimuth)))
        return gain[:, None] * self.contrast.at(kx, ky) ** 2

    @property
    def unit(self) -> float:
        """Square root of the frame's frequencies a unit of their plane, over its pixels; padding has no noise."""
        pixels = float(np.prod(self.frame))
        return self.pixel_size / np.sqrt(pixels) / np.sqrt(self.image.size / pixels)

    @cached_property
    def white_ft(self) -> np.ndarray:
        """Transform of the whitened image, zero again outside of it."""
        white = self.unframed(self.framed(self.image) * self.whitening)
        return self.framed(white)

    def to_micrograph(self, points: np.ndarray) -> np.ndarray:
        """x, y (n, 2) in pixels of the micrograph of rows and columns (n, 2) here."""
        return (points * self.step + self.corner)[:, ::-1]


def radial_power(spectrum: np.ndarray, k: np.ndarray, pixel_size: float) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed mean power in rings, and the rings' frequencies (1/angstrom)."""
    n = max(16, min(spectrum.shape) // 2)
    ring = np.minimum((k * (2 * pixel_size * n / np.sqrt(2))).astype(np.int64), n - 1).ravel()
    count = np.maximum(np.bincount(ring, minlength=n), 1)
    power = np.bincount(ring, (spectrum.real**2 + spectrum.imag**2).ravel(), n) / count
    padded = np.pad(power, 2, mode="edge")
    smooth = np.convolve(padded, np.array([1, 4, 6, 4, 1]) / 16, mode="valid")
    return np.maximum(smooth, 1e-20), (np.arange(n) + 0.5) / (2 * pixel_size * n / np.sqrt(2))


def prepared(
    micrograph: np.ndarray, pixel_size: float, scope: Scope, contrast: Contrast | None = None, white: bool = False,
    clear: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Field:  # fmt: skip
    """The field of a micrograph (ny, nx), pixel_size in angstroms; ``white``: protein is bright in it already.

    clear: of points (n, 2), x and y in pixels of the micrograph, which are not on junk; the rest is made noise, so that
    nothing is learned from it. Hot pixels are clipped, borders that only repeat a line are cut off, the background is
    subtracted and the local contrast made even. DataError: smaller than the particle, or nothing in it.
    """
    top, bottom, left, right = inside(micrograph)
    image = clipped(np.asarray(micrograph[top:bottom, left:right], np.float32))
    if min(image.shape) * pixel_size < 1.5 * scope.largest:
        raise DataError(
            f"a micrograph of {image.shape[1] * pixel_size:.0f} x {image.shape[0] * pixel_size:.0f} A is too small "
            f"to look for particles of {scope.largest:g} A"
        )
    factor = max(1.0, scope.pixel_size / pixel_size)
    ny, nx = image.shape
    shape = (fft.good_size(int(ny / factor)), fft.good_size(int(nx / factor))) if factor > 1 else (ny, nx)
    step = tuple(n / m for n, m in zip(image.shape, shape))
    small = fourier_resized(image if white else -image, shape)
    size = pixel_size * float(np.sqrt(step[0] * step[1]))
    if clear is not None:
        places = np.moveaxis(np.indices(shape), 0, -1) * step + (top, left)
        small = _only(small, clear(places[..., ::-1].reshape(-1, 2)).reshape(shape))
    return Field(_even(small, scope.largest / size), size, scope, step, (top, left), contrast)


def _only(image: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """An image (ny, nx) with noise of its own level, always the same, in place of what is not clear (ny, nx)."""
    noise = np.random.default_rng(0).standard_normal(image.shape, np.float32)
    known = image[clear] if clear.any() else noise
    return np.where(clear, image, known.mean() + known.std() * noise)


def _even(image: np.ndarray, width: float) -> np.ndarray:
    """Local mean 0 and sd 1 over Gaussian windows (sigma in pixels: width, twice the width)."""
    image = image - smoothed(image, width)
    spread = np.sqrt(np.maximum(smoothed(image**2, 2 * width), 0))
    image = np.clip(image / np.maximum(spread, 0.3 * float(np.median(spread)) + 1e-20), -_CLIP, _CLIP)
    return image - image.mean(dtype=np.float64).astype(np.float32)
