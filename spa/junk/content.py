"""One figure of an exposure: how much there is at the size of particles, over what is uneven at coarser scales."""

import numpy as np

from spa.junk.blur import blurred
from spa.junk.ground import Ground, deviation

_WIDTHS = (0.7, 1.4, 2.8, 5.6, 11.2, 22.4)  # pixels of 8 angstroms
_NOISE = {2: 0.195, 4: 0.051, 5: 0.027}  # bands of white noise over its finest one


def content(ground: Ground) -> float:
    """The logarithm of the detail of 10 to 20 angstroms over noise, less how much more uneven than noise the coarser
    ones of 45 to 180 angstroms are over that detail. Empty ice and vacuum are near 0; particles whose detail stands out
    of the noise are above 0.5. What is coarse is below: crystals and lumps, and particles whose outline alone is seen
    (-0.3 to -0.9 where a signal in their circle has a tenth of the noise's variance). So exposures are to be compared
    with others of their set.
    """
    smooth = [ground.image, *(blurred(ground.image, width) for width in _WIDTHS)]
    bands = [deviation(one - other) for one, other in zip(smooth, smooth[1:])]
    relative = {number: np.log(max(bands[number] / bands[0], 1e-6) / _NOISE[number]) for number in _NOISE}
    uneven = (relative[4] + relative[5]) / 2 - relative[2]
    return float(relative[2] - uneven)
