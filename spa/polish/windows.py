"""Windows of frames about particles, as coefficients up to a shell: signed bytes, LEVELS to the noise's deviation.

A window of side W is transformed, cropped to a block of rows ky = -r … r and columns kx = 0 … r, and scaled by 1/W, so
that white noise of variance 1 has coefficients of mean square 1; its origin lies on pixel W//2.
"""

from dataclasses import dataclass

import numpy as np

from spa.compiled import kernel
from spa.image import fft
from spa.image.boxes import cut

LEVELS = 24.0
BATCH = 64  # windows that are transformed together


@dataclass(frozen=True, eq=False)
class Block:
    """Windows of side pixels (even), coefficients up to a radius; shell (2r+1, r+1) int32, radius + 1 beyond it.

    parts (2r+1, r+1): how many coefficients of the whole plane each stands for, 2, or 1 where kx = 0; 0 beyond.
    """

    side: int
    radius: int
    shell: np.ndarray
    parts: np.ndarray

    @property
    def kx(self) -> np.ndarray:
        return np.arange(self.radius + 1)

    @property
    def ky(self) -> np.ndarray:
        return np.arange(-self.radius, self.radius + 1)


def block(side: int, radius: int) -> Block:
    """Shells 1 to radius, less than half the side."""
    radius = min(radius, side // 2 - 1)
    ky, kx = np.mgrid[-radius : radius + 1, : radius + 1]
    shell = np.minimum(np.rint(np.hypot(kx, ky)), radius + 1).astype(np.int32)
    parts = np.where(kx == 0, 1, 2) * ((shell > 0) & (shell <= radius))
    return Block(side, radius, shell, parts.astype(np.float32))


def spectra(frame: np.ndarray, centres: np.ndarray, side: int) -> np.ndarray:
    """Half spectra (p, side, side//2+1) complex64, not scaled, of windows about whole pixels x, y (p, 2)."""
    windows = cut(frame, centres, side)
    windows -= windows.mean(axis=(1, 2), keepdims=True)
    return fft.rfft2(windows)


@kernel("void(c8[:,:,::1], i4[:,::1], f8[::1], i8[::1])")
def _add_power(found, shell, power, counts):
    radius = shell.shape[1] - 1
    side = found.shape[1]
    for p in range(found.shape[0]):
        for y in range(2 * radius + 1):
            row = (y - radius) % side
            for x in range(radius + 1):
                at = shell[y, x]
                value = found[p, row, x]
                power[at] += value.real * value.real + value.imag * value.imag
                counts[at] += 1


@kernel("void(c8[:,:,::1], i4[:,::1], f4[::1], i1[:,:,:,::1])")
def _keep(found, shell, scale, out):
    radius = shell.shape[1] - 1
    side = found.shape[1]
    for p in range(found.shape[0]):
        for y in range(2 * radius + 1):
            row = (y - radius) % side
            for x in range(radius + 1):
                each = scale[shell[y, x]]
                if (x + y + radius) % 2:  # the origin goes to the middle
                    each = -each
                re, im = found[p, row, x].real * each, found[p, row, x].imag * each
                out[p, y, x, 0] = np.int8(min(max(round(re), -127), 127))
                out[p, y, x, 1] = np.int8(min(max(round(im), -127), 127))


class Store:
    """What windows of all frames show, kept frame by frame: levels (p, n, 2r+1, r+1, 2) int8."""

    def __init__(self, band: Block, particles: int, frames: int, room: np.ndarray | None = None) -> None:
        shape = (particles, frames, 2 * band.radius + 1, band.radius + 1, 2)
        self.band = band
        self.levels = np.empty(shape, np.int8) if room is None else room
        self._scale: np.ndarray | None = None
        self._power, self._counts = np.zeros(band.radius + 2), np.zeros(band.radius + 2, np.int64)
        self._buffer = np.empty((particles, *shape[2:]), np.int8)

    def add(self, number: int, frame: np.ndarray, centres: np.ndarray) -> None:
        """A frame (ny, nx) float32; the first one sets the grey scale."""
        for start in range(0, len(centres), BATCH):
            part = slice(start, start + BATCH)
            found = spectra(frame, centres[part], self.band.side)
            if self._scale is None:
                self._scale = LEVELS / np.sqrt(self._first(found))
            _add_power(found, self.band.shell, self._power, self._counts)
            _keep(found, self.band.shell, self._scale.astype(np.float32), self._buffer[part])
        self.levels[:, number] = self._buffer

    def _first(self, found: np.ndarray) -> np.ndarray:
        power, counts = np.zeros_like(self._power), np.zeros_like(self._counts)
        _add_power(found, self.band.shell, power, counts)
        return np.maximum(power, 1e-12 * max(power.max(), 1e-30)) / np.maximum(counts, 1)

    def whitening(self) -> np.ndarray:
        """(radius + 2,) float32 that gives levels the variance 1 in each shell, 0 outside the band."""
        assert self._scale is not None
        power = self._power / np.maximum(self._counts, 1)
        found = 1 / np.maximum(self._scale * np.sqrt(power), 1e-30)
        found[0] = found[-1] = 0
        return found.astype(np.float32)


def bytes_for(particles: int, frames: int, side: int, radius: int) -> int:
    """What a store takes."""
    return 2 * particles * (frames + 1) * (2 * radius + 1) * (radius + 1) + 12 * BATCH * side**2
