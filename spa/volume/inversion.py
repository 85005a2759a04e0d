"""The other hand: a map seen through its centre.

With V'(r) = V(-r), a projection of V' is that of V turned by half a turn in its plane. Every axis of every point group
stays where it is, and so do images, origins, defocus and aberrations.
"""

import numpy as np


def inverted(volume: np.ndarray) -> np.ndarray:
    """V(-r) of a map (n, n, n) about its centre n//2; twice, it is the map again."""
    turned = volume[::-1, ::-1, ::-1]
    return np.roll(turned, 1, (0, 1, 2)) if len(volume) % 2 == 0 else np.ascontiguousarray(turned)


def half_turned(psi: np.ndarray) -> np.ndarray:
    """In-plane angles (degrees) of the same images in the inverted map, above -180 and up to 180."""
    return 180 - np.mod(-np.asarray(psi), 360)
