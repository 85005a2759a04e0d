"""The arithmetic: arrays in, arrays out."""

import numpy as np
from scipy import ndimage


def spots(image, diameter, threshold):
    """(n, 3) x, y, score of dark spots of a diameter in pixels, best first."""
    sigma = diameter / 4
    response = ndimage.gaussian_filter(image, 1.6 * sigma) - ndimage.gaussian_filter(image, sigma)
    spread = 1.4826 * np.median(np.abs(response - np.median(response)))
    score = (response - np.median(response)) / max(spread, 1e-12)
    tops = (score == ndimage.maximum_filter(score, size=int(diameter))) & (score > threshold)
    y, x = np.nonzero(tops)
    order = np.argsort(-score[y, x], kind="stable")
    return np.stack([x, y, score[y, x]], axis=1)[order]
