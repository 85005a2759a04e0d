"""Which pixel of a binned image holds a place of the image itself."""

import numpy as np


def block_of(places: np.ndarray, side: int, blocks: int) -> np.ndarray:
    """Numbers, 0 to blocks - 1, for places (pixels) along a side of so many pixels, binned by a whole number.

    What is left over at the far edge is as its neighbour.
    """
    return np.clip(((np.asarray(places) + 0.5) // (side // blocks)).astype(int), 0, blocks - 1)
