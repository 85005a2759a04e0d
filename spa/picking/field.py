"""A micrograph made ready for picking: small, flat, protein bright, with its power spectrum."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.image import fft
from spa.image.blocks import block_of
from spa.image.borders import inside
from spa.image.ctf import Lens, ctf
from spa.image.regions import nearest, within
from spa.image.resample import coarser
from spa.picking.even import even
from spa.picking.flat import clipped

_FLOOR = 0.03  # of the strongest power in the band: whitening does not raise what is weaker than that


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
    the place of `spa.picking.matched.compared`. clear: (ny, nx) where there is no junk; None: nowhere is any. scored:
    the shape that was scored last, and its maps. specks: how many small dense things are among the junk.
    """

    compare: Callable[..., Any] | None = None
    clear: np.ndarray | None = None
    scored: tuple[Any, tuple[np.ndarray, np.ndarray]] | None = None
    specks: int = 0

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
        found.clear = None if self.clear is None else self.clear[top : top + size, left : left + size]
        return found

    @cached_property
    def blind(self) -> "Field":
        """The same without its CTF."""
        found = self._anew("ctf", "passed")
        found.contrast = None
        return found

    def unexplained(self, spectrum: np.ndarray, count: int) -> "Field":
        """The same, whitened by what power so many particles of a round shape do not explain: theirs is no noise.

        spectrum: of one, through the CTF, in the image's units, at the `rings`. No less is left than the least power
        of the band.
        """
        frequency, power, _ = self._radial
        band = self._band(frequency)
        rest = np.maximum(power - count * spectrum**2, power[band].min(initial=power.max()))
        found = self._anew("whitening", "passed", "white_ft", "blind")
        found.__dict__["_radial"] = frequency, rest, self._floored(frequency, rest)
        return found

    def _anew(self, *wanting: str) -> "Field":
        """The same with what has been made already, but for scores and properties that are wanting."""
        found = copy(self)
        found.scored = None
        for made in wanting:
            found.__dict__.pop(made, None)
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
        return frequency, power, self._floored(frequency, power)

    def _floored(self, frequency: np.ndarray, power: np.ndarray) -> np.ndarray:
        band = self._band(frequency)
        return np.sqrt(power + _FLOOR * power[band].max(initial=float(power.max()) if not band.any() else 0.0))

    def _band(self, frequency: np.ndarray) -> np.ndarray:
        return (frequency > 1 / (2 * self.scope.largest)) & (frequency < 1 / self.scope.lowpass)

    @property
    def rings(self) -> np.ndarray:
        """Frequencies (1/angstrom) at which power is told."""
        return self._radial[0]

    def _whitening_at(self, k: np.ndarray) -> np.ndarray:
        frequency, _, amplitude = self._radial
        return 1 / np.sqrt(1 + (k * self.scope.lowpass) ** 16) / np.interp(k, frequency, amplitude)

    @cached_property
    def whitening(self) -> np.ndarray:
        """Band-pass over the square root of the radial power: multiplies a spectrum to make the background white."""
        return self._whitening_at(self.k).astype(np.float32)

    @cached_property
    def passed(self) -> np.ndarray:
        """What multiplies a shape's spectrum: the CTF, and the whitening."""
        return (self.ctf * self.whitening).astype(np.float32, copy=False)

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

    def free(self, points: np.ndarray) -> np.ndarray:
        """Of points (n, 2), rows and columns here, those that are not on junk."""
        return points if self.clear is None else points[self.clear[points[:, 0], points[:, 1]]]

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
    junk: np.ndarray | None = None,
) -> Field:  # fmt: skip
    """The field of a micrograph (ny, nx), pixel_size in angstroms; ``white``: protein is bright in it already.

    junk: the micrograph binned by a whole number, not 0 where junk is. That, and what is nearer to it than half a
    particle, is made noise, so that nothing is learned from it. Hot pixels are clipped, borders that only repeat a line
    are cut off, the background is subtracted and the local contrast made even. DataError: smaller than the particle, or
    nothing in it.
    """
    top, bottom, left, right = inside(micrograph)
    image = clipped(np.asarray(micrograph[top:bottom, left:right], np.float32))
    if min(image.shape) * pixel_size < 1.5 * scope.largest:
        raise DataError(
            f"a micrograph of {image.shape[1] * pixel_size:.0f} x {image.shape[0] * pixel_size:.0f} A is too small "
            f"to look for particles of {scope.largest:g} A"
        )
    junk = None if junk is None or not junk.any() or junk.all() else junk
    whole = micrograph.shape[0], micrograph.shape[1]
    if junk is not None:
        image = _bridged(image, junk, _cells(junk, whole, (top, left), image.shape, (1.0, 1.0)))
    small, step = coarser(image, max(1.0, scope.pixel_size / pixel_size))
    size = pixel_size * float(np.sqrt(step[0] * step[1]))
    clear = None
    if junk is not None:
        clear = junk[_cells(junk, whole, (top, left), small.shape, step)] == 0
        clear = ~within(~clear, scope.smallest / 2 / size)
    flat = even(small if white else -small, scope.largest / size, clear)
    field = Field(flat, size, scope, step, (top, left), contrast)
    field.clear = clear
    return field


def _cells(
    junk: np.ndarray, whole: tuple[int, int], corner: tuple[int, int], shape: tuple[int, ...], step: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (ny, 1) and columns (nx,) of junk, binned from ``whole``, of an image that begins at a corner of it."""
    rows, columns = (
        block_of(start + by * np.arange(n), side, blocks)
        for start, by, n, side, blocks in zip(corner, step, shape, whole, junk.shape)
    )
    return rows[:, None], columns


def _bridged(image: np.ndarray, junk: np.ndarray, cells: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """An image given the level of the nearest clear block on junk: steps would ring when it is made smaller."""
    rows, columns = cells[0][:, 0], cells[1]
    starts = [np.flatnonzero(np.diff(one, prepend=-1)) for one in (rows, columns)]
    used = np.ix_(rows[starts[0]], columns[starts[1]])
    sizes = np.outer(*(np.diff(start, append=n) for start, n in zip(starts, image.shape)))
    means = np.add.reduceat(np.add.reduceat(image, starts[0], axis=0), starts[1], axis=1) / sizes
    level, dirty = np.zeros(junk.shape, np.float32), np.ones(junk.shape, bool)
    level[used], dirty[used] = means, junk[used] != 0
    if dirty.all():
        return image
    level = level[nearest(~dirty)]
    for row in np.flatnonzero(dirty[rows].any(axis=1)):  # few of the pixels are junk
        there = np.flatnonzero(dirty[rows[row], columns])
        image[row, there] = level[rows[row], columns[there]]
    return image
