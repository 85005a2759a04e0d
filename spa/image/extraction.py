"""Particle images out of a micrograph: cut, Fourier-cropped, normalised, bright."""

from dataclasses import dataclass

import numpy as np

from spa.image.boxes import cropped, cut
from spa.image.normalise import normalised
from spa.image.resample import stretched


@dataclass(frozen=True)
class Extraction:
    """box: side in pixels of the micrograph, crop: side that it is cropped to; background: radius over half the box.

    pad: whether boxes may reach over the edge. step: from pixel to pixel of an image, in pixels of the micrograph,
    where that is not box / crop; then a box is no smaller than crop of these.
    """

    box: int
    crop: int
    invert: bool = True
    background: float = 0.75
    normalise: bool = True
    ramp: bool = True
    pad: bool = False
    step: float = 0.0

    def images(self, micrograph: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """(n, crop, crop) float32 about whole-pixel centres x, y (n, 2)."""
        images = cut(micrograph, centres, self.box)
        images = stretched(images, self.crop, self.step) if self.step else cropped(images, self.crop)
        if self.normalise:
            images = normalised(images, self.background * self.crop / 2, self.ramp)
        return -images if self.invert else images
