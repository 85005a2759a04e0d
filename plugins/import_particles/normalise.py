"""Particle images brought to one scale: a background of mean 0 and standard deviation 1.

Source: RELION's definition of the background, all pixels outside a circle, at first fitted with a plane
(Scheres, J. Struct. Biol. 180 (2012) 519).
"""

import numpy as np


def background(box: int, diameter: float) -> np.ndarray:
    """(box, box) True outside the circle of ``diameter`` pixels about the centre n//2."""
    axis = np.arange(box) - box // 2
    return np.hypot(axis[:, None], axis[None, :]) > diameter / 2


def normalised(images: np.ndarray, outside: np.ndarray, ramp: bool = True, invert: bool = False) -> np.ndarray:
    """float32 (n, box, box): a plane (or the mean) of the background taken off, its standard deviation made 1.

    invert: dark particles become white. An image whose background is flat comes back all NaN: there is no scale in it.
    """
    flat = images.reshape(len(images), -1).astype(np.float64)
    there = outside.ravel()
    design = _planes(outside.shape[0]) if ramp else np.ones((flat.shape[1], 1))
    coefficients = flat[:, there] @ np.linalg.pinv(design[there]).T
    flat -= coefficients @ design.T
    sd = np.sqrt(np.mean(flat[:, there] ** 2, axis=1))
    scale = np.abs(images).reshape(len(images), -1).max(axis=1)
    with np.errstate(divide="ignore"):
        gain = np.where(sd > 1e-6 * scale, 1 / sd, np.nan) * (-1 if invert else 1)
    return (flat * gain[:, None]).reshape(images.shape).astype(np.float32)


def _planes(box: int) -> np.ndarray:
    """(box², 3): 1, x and y of each pixel, scaled to about 1."""
    y, x = np.mgrid[:box, :box] / box - 0.5
    return np.stack([np.ones(box * box), x.ravel(), y.ravel()], axis=1)
