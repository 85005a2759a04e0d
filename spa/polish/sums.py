"""Frames of a particle summed along its track, each with its weight: the shiny image."""

import numpy as np

from spa.compiled import kernel
from spa.image import fft
from spa.polish.windows import BATCH, spectra


@kernel("void(c8[:,:,::1], c8[:,::1], c8[:,::1], f4[:,::1], c8[:,:,::1])", fastmath=True)
def _add(found, along_x, along_y, weight, out):
    crop = out.shape[1]
    side = found.shape[1]
    for p in range(found.shape[0]):
        for y in range(crop):
            row = y if y <= crop // 2 else side - crop + y
            turn = along_y[p, y]
            for x in range(out.shape[2]):
                out[p, y, x] += found[p, row, x] * (weight[y, x] * (turn * along_x[p, x]))


class Images:
    """Particles in boxes of some pixels of the movie, cropped to fewer (both even)."""

    def __init__(self, particles: int, box: int, crop: int) -> None:
        self.box, self.crop = box, crop
        self.sums = np.zeros((particles, crop, crop // 2 + 1), np.complex64)
        self.ky, self.kx = np.fft.fftfreq(crop, 1 / crop), np.arange(crop // 2 + 1.0)
        self.radius = np.hypot(self.ky[:, None], self.kx)  # in cycles a box

    def add(self, frame: np.ndarray, places: np.ndarray, weight: np.ndarray) -> None:
        """A frame (ny, nx) float32; places (p, 2): where the box's middle is, pixels; weight (crop, crop//2+1)."""
        centres = np.floor(places + 0.5).astype(np.int64)
        unit = 2j * np.pi / self.box
        along = [np.exp(unit * (places - centres)[:, a, None] * k).astype(np.complex64)
                 for a, k in ((0, self.kx), (1, self.ky))]  # fmt: skip
        for start in range(0, len(places), BATCH):
            part = slice(start, start + BATCH)
            found = spectra(frame, centres[part], self.box)
            _add(found, along[0][part], along[1][part], np.ascontiguousarray(weight, np.float32), self.sums[part])

    def finished(self) -> np.ndarray:
        """(p, crop, crop) float32."""
        self.sums[:, self.crop // 2] = self.sums[:, self.crop // 2].real  # nobody knows on which side it moved
        self.sums[:, :, -1] = self.sums[:, :, -1].real
        return fft.irfft2(self.sums, self.crop) * np.float32((self.crop / self.box) ** 2)
