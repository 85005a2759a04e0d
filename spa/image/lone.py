"""Pixels of a micrograph that stand alone far from all around them: hot and dead ones, X-rays, defective lines."""

import numpy as np

from spa.image.quantiles import median

_FAR = 8.0  # robust standard deviations: of four thousand million normal pixels none is as far
_SAMPLED = 7  # pixels along a side, of which one tells how far others are spread
_REACH = 2  # pixels: of the square whose median a pixel is held against
_RING = [(dy, dx) for dy in (-_REACH, 0, _REACH) for dx in (-_REACH, 0, _REACH) if dy or dx]
_MANY = 4  # of the eight of that ring: more that are far as well are a thing, not a line of two pixels
_BATCH = 100_000


def lone(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (n, 2) of such pixels of an image (ny, nx), and what their surroundings have (n,) float32.

    Far from the micrograph's median, and from the median of the 5 x 5 pixels about them, which is what they are to be
    given: edges of crystals and of carbon stay as they are. A line of up to two pixels' width is alone, too.
    """
    sample = np.asarray(image[::_SAMPLED, ::_SAMPLED], np.float32)
    middle = median(sample)
    spread = 1.4826 * median(np.abs(sample - np.float32(middle)))
    if not spread > 0:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    far = _beyond(image, middle - _FAR * spread, middle + _FAR * spread)
    around = [_values(image, far, step, middle, spread) for step in _RING]
    few = np.sum(around, axis=0) <= _MANY
    places, levels = far[few], np.zeros(int(few.sum()), np.float32)
    square = [(dy, dx) for dy in range(-_REACH, _REACH + 1) for dx in range(-_REACH, _REACH + 1)]
    for start in range(0, len(places), _BATCH):
        part = slice(start, start + _BATCH)
        levels[part] = np.median(np.stack([_at(image, places[part], step) for step in square]), axis=0)
    alone = np.abs(_at(image, places, (0, 0)) - levels) > _FAR * spread
    return places[alone], levels[alone]


def filled(image: np.ndarray) -> tuple[np.ndarray, int]:
    """The image with what surrounds them in the place of its lone pixels (a copy, if there are any); their number."""
    places, levels = lone(image)
    if len(places):
        image = np.array(image)
        fill(image, places, levels)
    return image, len(places)


def fill(image: np.ndarray, places: np.ndarray, levels: np.ndarray) -> None:
    """Give pixels at rows and columns (n, 2) these values, in place."""
    image[places[:, 0], places[:, 1]] = np.rint(levels) if image.dtype.kind in "iu" else levels


def _beyond(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """(n, 2) rows and columns of pixels that are not between two values; most rows have none."""
    rows = np.flatnonzero((image.min(axis=1) < low) | (image.max(axis=1) > high))
    there = image[rows]
    at, columns = np.nonzero((there < low) | (there > high))
    return np.column_stack([rows[at], columns])


def _at(image: np.ndarray, places: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """(n,) float32: the pixels a step (y, x) from places; beyond the edge the last one before it."""
    y, x = (np.clip(places[:, axis] + step[axis], 0, image.shape[axis] - 1) for axis in (0, 1))
    return np.asarray(image[y, x], np.float32)


def _values(image: np.ndarray, places: np.ndarray, step: tuple[int, int], middle: float, spread: float) -> np.ndarray:
    """(n,) 1 where the pixel a step from a place is far as well."""
    return (np.abs(_at(image, places, step) - np.float32(middle)) > _FAR * spread).astype(np.int8)
