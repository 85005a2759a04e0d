"""Peaks that stand beside a particle because of it.

A particle scores at places beside its own, too: other templates, turned as they need, find parts of it there. What they
can find is bounded. A template is a disc of length 1 about its place, and by Cauchy and Schwarz its product with a
particle is at most the length of that part of the particle which lies in the disc: of a particle whose power is spread
evenly over its disc the square root of the share that two discs have in common, times the particle's own score.
"""

import numpy as np

from spa.image.peaks import near


def explained(points: np.ndarray, scores: np.ndarray, diameter: float) -> np.ndarray:
    """Mask (n,) of points (n, 2), best first, whose scores are no more than a better one beside them can give them.

    diameter: of the disc that templates fill, in the points' pixels.
    """
    gone = np.zeros(len(points), bool)
    if len(points) < 2 or diameter <= 0:
        return gone
    better, other = near(points, diameter).T
    apart = np.hypot(*(points[better] - points[other]).T) / diameter
    gone[other[scores[other] <= scores[better] * np.sqrt(shared(apart))]] = True
    return gone


def shared(apart: np.ndarray) -> np.ndarray:
    """Share of a disc that lies in an equal one; apart: the distance of their middles, in diameters."""
    apart = np.minimum(apart, 1.0)
    return np.asarray(2 / np.pi * (np.arccos(apart) - apart * np.sqrt(1 - apart * apart)))
