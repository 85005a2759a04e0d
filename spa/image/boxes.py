"""Boxes cut out of a micrograph: the box centre, pixel box//2, lies on the pixel asked for."""

import numpy as np

from spa.image.resample import fourier_resized


def fits(centres: np.ndarray, box: int, shape: tuple[int, int]) -> np.ndarray:
    """Mask (n,) of integer centres x, y (n, 2) whose box lies in an image of shape (ny, nx)."""
    low = centres - box // 2
    return np.all((low >= 0) & (low + box <= np.array(shape[::-1])), axis=1)


def varied(image: np.ndarray, centres: np.ndarray, box: int) -> np.ndarray:
    """Mask (n,) of boxes whose pixels, of those that lie in the image, differ; centres (n, 2) x, y are integers."""
    found = np.zeros(len(centres), bool)
    for number, (left, top) in enumerate((centres - box // 2).tolist()):
        piece = image[max(0, top) : max(0, top + box), max(0, left) : max(0, left + box)]
        for part in (piece[:1], piece):  # of nearly all boxes the first row tells
            found[number] = found[number] or (part.size > 0 and bool(part.max() > part.min()))
    return found


def cut(image: np.ndarray, centres: np.ndarray, box: int) -> np.ndarray:
    """Boxes (n, box, box) float32 about integer centres x, y (n, 2).

    What lies outside of the image is filled with the mean of what lies inside; a box wholly outside is zeros.
    """
    ny, nx = image.shape
    boxes = np.zeros((len(centres), box, box), np.float32)
    for target, (left, top) in zip(boxes, centres - box // 2):
        y0, y1, x0, x1 = max(0, top), min(ny, top + box), max(0, left), min(nx, left + box)
        if y0 >= y1 or x0 >= x1:
            continue
        piece = image[y0:y1, x0:x1]
        if piece.size < target.size:
            target[...] = piece.mean(dtype=np.float64)
        target[y0 - top : y1 - top, x0 - left : x1 - left] = piece
    return boxes


def cropped(boxes: np.ndarray, size: int) -> np.ndarray:
    """Boxes of ``size`` pixels that show the same field, finer detail left out; the centre stays the centre.

    Both sides must be even: then pixel box//2 comes to lie on pixel size//2.
    """
    return fourier_resized(boxes, (size, size))
