"""Small things that are far denser than nearly all else on a micrograph, and no wider than particles: ice crystals.

Their width does not tell them from particles, and a few dense particles alone in a micrograph look the same: who asks
has to know whether there is something else, which particles can be.
"""

import numpy as np

from spa.image.peaks import maxima
from spa.image.quantiles import median
from spa.image.regions import holding
from spa.junk.blur import blurred
from spa.junk.ground import Ground, deviation
from spa.junk.mask import grown

_WINDOW, _AROUND = 0.3, 0.9  # sigma, in diameters, of the place and of what it is held against
_OFF, _FAR = 3.5, 10.0  # robust standard deviations of all places: to belong to a speck, to be one
_MARGIN = 0.25  # diameters that are left about one
_USUAL, _TIMES = 10, 2.0  # denser by so much than that many others are


def specks(ground: Ground, diameter: float, junk: np.ndarray, white: bool = False) -> tuple[np.ndarray, int]:
    """Where they are, with a quarter of a particle about them, and how many: of a mask (ny, nx) of the ground.

    diameter: of a particle, angstroms. junk (ny, nx): what is known to be none. white: dense is bright here.
    """
    width = diameter / ground.pixel_size
    image = np.where(junk, 0, np.clip(ground.image, -200, 200))
    density = blurred(image, _WINDOW * width) - blurred(image, _AROUND * width)
    bulk = density[~junk] if not junk.all() else density.ravel()
    density = (density - np.float32(median(bulk))) / np.float32(deviation(bulk) or np.inf)
    density = np.where(junk, 0, density if white else -density)
    tops = maxima(density, 0.0, width / 2)
    heights = density[tops[:, 0], tops[:, 1]]
    least = max(_FAR, _TIMES * float(heights[_USUAL])) if len(heights) > _USUAL else np.inf
    return grown(holding(density > _OFF, density > least), _MARGIN * width), int((heights > least).sum())
