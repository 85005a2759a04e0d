"""Power spectra of groups of frames, for the CTF: averaged over tiles, summed over groups.

Groups of 4 e per square angstrom: McMullan et al., Ultramicroscopy 158 (2015) 26.
"""

import numpy as np

from spa.image import fft
from spa.motion import kernels, windows

SIDE = 512  # pixels of a spectrum
PIXEL = 1.4  # angstroms: spectra of finer pixels are cut to the Nyquist frequency of this


def groups(frames: int, dose: float, wanted: float) -> tuple[tuple[int, int], ...]:
    """Bounds of groups of frames of about this dose (e per square angstrom); what is left goes to the last."""
    per = max(1, round(wanted / dose)) if dose > 0 else max(1, frames)
    count = max(1, frames // per)
    return tuple((i * per, (i + 1) * per if i < count - 1 else frames) for i in range(count))


class Tiling:
    """Tiles of images of a shape; side and pixel_size of the spectrum; ramp (tile,): the window along one axis."""

    def __init__(self, shape: tuple[int, int], pixel_size: float) -> None:
        tile = SIDE if pixel_size >= PIXEL else SIDE * PIXEL / pixel_size
        self.tile = min(fft.good_size(round(tile)), *(size // 2 * 2 for size in shape))
        self.side = min(SIDE, self.tile)
        self.pixel_size = pixel_size * self.tile / self.side
        self.ramp = np.sin(np.pi * (np.arange(self.tile) + 0.5) / self.tile) ** 2

    def amplitude(self, power: np.ndarray) -> np.ndarray:
        """(side, side) float32 root of power (side, side // 2 + 1), frequency 0 in the middle."""
        half, side = np.sqrt(power), self.side
        full = np.empty((side, side), np.float32)
        full[:, : side // 2 + 1] = half
        full[:, side // 2 + 1 :] = np.roll(half[::-1], 1, axis=0)[:, side // 2 - 1 : 0 : -1]
        full[0, 0] = 0
        return np.fft.fftshift(full)


class Spectrum:
    """The power of images, averaged over tiles without overlap, each under a Hann window."""

    def __init__(self, shape: tuple[int, int], pixel_size: float) -> None:
        self._at = Tiling(shape, pixel_size)
        self._ramp = self._at.ramp.astype(np.float32)
        self._power = np.zeros((self._at.side, self._at.side // 2 + 1))
        self._count = 0

    @property
    def pixel_size(self) -> float:
        """Of the spectrum, angstroms."""
        return self._at.pixel_size

    def add(self, image: np.ndarray) -> None:
        """Add the power of an image (ny, nx) float32."""
        size, plan = self._at.tile, fft.plane((self._at.tile, self._at.tile))
        for top in range(0, image.shape[0] - size + 1, size):
            for left in range(0, image.shape[1] - size + 1, size):
                windows.windowed(image, top, left, self._ramp, self._ramp, plan.input_array)
                plan.execute()
                kernels.add_power(plan.output_array, self._power)
                self._count += 1

    def amplitude(self) -> np.ndarray:
        """(side, side) float32 root of the mean power, frequency 0 in the middle."""
        return self._at.amplitude(self._power / max(self._count, 1))
