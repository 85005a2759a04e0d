"""Which pixels and boxes images get, and how those of movies of any pixel size are cut."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spa.errors import DataError, UsageError
from spa.image.fft import good_size
from spa.image.resample import stretched
from spa.recipe.motion import Motion
from spa_plugins.polish_particles.inputs import Settings

LEAST = 8  # pixels of a box
EXACT = 1e-4  # of a pixel size: less makes no difference


@dataclass(frozen=True)
class Cut:
    """box: pixels of the movie, cropped to inner; step: from pixel to pixel of the image, in those; 0: these are it."""

    box: int
    inner: int
    step: float

    def finished(self, images: np.ndarray, crop: int) -> np.ndarray:
        """Images (p, crop, crop) of those of inner pixels (p, inner, inner)."""
        return stretched(images, crop, self.step) if self.step else images


@dataclass(frozen=True)
class Sizes:
    """Images of crop pixels of pixel_size, angstroms."""

    crop: int
    pixel_size: float

    def cut(self, pixel_size: float) -> Cut:
        """For movies of a pixel size; DataError where that is coarser."""
        step = self.pixel_size / pixel_size
        half = self.crop * step / 2
        if abs(round(half) / half - 1) < EXACT:
            return Cut(2 * round(half), self.crop, 0.0)
        if step < 1:
            raise DataError(f"movies of {pixel_size:g} A a pixel show nothing so fine as images of "
                            f"{self.pixel_size:g} A")  # fmt: skip
        box = good_size(2 * int(np.ceil(half)))  # some pixels more: of 2 x 137 a transform takes five times as long
        inner = min(good_size(int(np.ceil(box / step))), box)
        return Cut(box, inner, step * inner / box)


def sizes(settings: Settings, now: Sizes, firsts: Sequence[Motion]) -> Sizes:
    """What is asked for, of images that are now of other sizes, and movies; UsageError for what cannot be."""
    found = _asked(settings, now, [first.pixel_size for first in firsts])
    for first in firsts:
        box = found.cut(first.pixel_size).box
        if box > min(first.shape):
            raise UsageError(f"--box {box} is larger than a movie's {first.shape[1]} x {first.shape[0]} pixels")
    return found


def _asked(settings: Settings, now: Sizes, pixels: list[float]) -> Sizes:
    width, coarsest = now.crop * now.pixel_size, max(pixels)
    if settings.box:
        if settings.pixel_size:
            raise UsageError("--box and --pixel-size exclude each other: --crop says how wide images are")
        if coarsest > min(pixels) * (1 + EXACT):
            raise UsageError(f"--box {settings.box}: movies of {min(pixels):g} and {coarsest:g} A a pixel; "
                             "--pixel-size makes their images alike")  # fmt: skip
        crop = settings.crop or settings.box
        if crop > settings.box:
            raise UsageError(f"--crop {crop} is larger than the box of {settings.box} pixels")
        return Sizes(crop, coarsest * settings.box / crop)
    size = settings.pixel_size or (width / settings.crop if settings.crop else max(now.pixel_size, coarsest))
    who = f"--pixel-size {size:g}" if settings.pixel_size else f"--crop {settings.crop}" if settings.crop else "images"
    if size < coarsest * (1 - EXACT):
        raise UsageError(f"{who}: {size:g} A a pixel, where movies of {coarsest:g} A a pixel show nothing so fine")
    crop = settings.crop or 2 * round(width / size / 2)
    if crop < LEAST:
        raise UsageError(f"{who}: a box of {width:g} A would be {crop} pixels wide; {LEAST} at least")
    return Sizes(crop, size)
