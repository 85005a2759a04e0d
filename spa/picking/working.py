"""A micrograph as the network sees it: particles of 24 pixels, protein bright, flat, of unit noise."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.image import fft
from spa.image.borders import inside
from spa.image.peaks import maxima, refined
from spa.image.resample import fourier_resized
from spa.picking.flat import clipped, smoothed
from spa.picking.network import STEP

ACROSS = 24  # pixels of a particle's diameter
HAZE = 1.5  # sigma, in diameters, of the background that is subtracted
CLIP = 6.0  # standard deviations
LARGEST = 4096  # pixels of a side: finer than this no particle is looked for


@dataclass(frozen=True, eq=False)
class Working:
    """image (ny, nx) float32; step (y, x): pixels of the micrograph per pixel here; corner (y, x) of the first one."""

    image: np.ndarray
    step: np.ndarray
    corner: np.ndarray

    def to_micrograph(self, points: np.ndarray) -> np.ndarray:
        """x, y (n, 2) in pixels of the micrograph of rows and columns (n, 2) here."""
        return (points * self.step + self.corner)[:, ::-1]

    def from_micrograph(self, xy: np.ndarray) -> np.ndarray:
        """Rows and columns (n, 2) here of x, y (n, 2) in pixels of the micrograph."""
        return (np.asarray(xy, np.float64)[:, ::-1] - self.corner) / self.step

    def found(self, odds: np.ndarray, least: float, spacing: float, most: int | None = None) -> np.ndarray:
        """x, y, log-odds (n, 3), best first: peaks of the network's answer, ``spacing`` diameters apart."""
        points = maxima(odds, least, spacing * ACROSS / STEP)[:most]
        xy = self.to_micrograph(refined(odds, points) * STEP)
        return np.column_stack([xy, odds[points[:, 0], points[:, 1]]]).reshape(-1, 3)


def working(micrograph: np.ndarray, pixel_size: float, diameter: float, white: bool = False) -> Working:
    """The working image of a micrograph (ny, nx); pixel_size and diameter in angstroms; white: protein is bright.

    DataError: smaller than two particles, nothing in it, or particles of hardly a pixel.
    """
    top, bottom, left, right = inside(micrograph)
    image = clipped(np.asarray(micrograph[top:bottom, left:right], np.float32))
    if min(image.shape) * pixel_size < 2 * diameter:
        raise DataError(
            f"a micrograph of {image.shape[1] * pixel_size:.0f} x {image.shape[0] * pixel_size:.0f} A is too small "
            f"to look for particles of {diameter:g} A"
        )
    shape = tuple(fft.good_size(round(n * pixel_size * ACROSS / diameter)) for n in image.shape)
    if max(shape) > LARGEST:
        raise DataError(f"a diameter of {diameter:g} A is {diameter / pixel_size:.1f} pixels: too small to be seen")
    even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    small = fourier_resized(even if white else -even, (shape[0], shape[1]))
    step = np.array([n / m for n, m in zip(even.shape, shape)])
    return Working(flattened(small), step, np.array((top, left)))


def flattened(image: np.ndarray) -> np.ndarray:
    """A working image less its smooth background, over its robust standard deviation."""
    image = image - smoothed(image, HAZE * ACROSS)
    sample = image.ravel()[:: max(1, image.size // 200_000)]
    middle = np.median(sample)
    spread = 1.4826 * float(np.median(np.abs(sample - middle)))
    return np.clip((image - middle) / max(spread, 1e-12), -CLIP, CLIP).astype(np.float32)
