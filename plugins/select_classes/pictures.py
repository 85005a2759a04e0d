"""Classes as pictures: averages as they are, maps by three slices or three projections side by side."""

from collections.abc import Sequence

import numpy as np

from spa.web import picture
from spa.web.page import Picture, Query
from spa_plugins.select_classes.table import views

KINDS = ("slices", "sums")
LARGEST, TILE = 512, 160  # pixels of a side, alone and among many
DOWN = 8
_GAP = 2  # pixels between the three of a map


class Pictures:
    """pixels: for each class (box, box) or (box, box, box)."""

    def __init__(self, pixels: Sequence[np.ndarray]) -> None:
        self.pixels = pixels

    @property
    def maps(self) -> bool:
        """Whether there are maps among the classes."""
        return any(one.ndim == 3 for one in self.pixels)

    @property
    def across(self) -> int:
        """Classes side by side on a sheet."""
        return 2 if self.maps else 8

    def one(self, query: Query) -> Picture:
        """PNG of the class ``number``, counted from 0; ``view``: slices or sums of a map."""
        return picture.png(self._drawn(query.whole("number", len(self.pixels)), query.word("view", KINDS), LARGEST))

    def sheet(self, query: Query) -> Picture:
        """JPEG of the ``number``-th ACROSS x DOWN classes, for many at once; ``view`` as for one."""
        many = self.across * DOWN
        first, view = many * query.whole("number", -(-len(self.pixels) // many)), query.word("view", KINDS)
        tiles = [self._drawn(i, view, TILE) for i in range(first, min(first + many, len(self.pixels)))]
        return picture.jpeg(picture.sheet(tiles, self.across, DOWN), 92)

    def _drawn(self, number: int, view: str, largest: int) -> np.ndarray:
        data = self.pixels[number]
        return drawn(middles(data) if view == "slices" and data.ndim == 3 else views(data), largest)


def middles(volume: np.ndarray) -> np.ndarray:
    """float32 (3, box, box): the slices through the centre, across z, y and x."""
    return np.stack([np.asarray(volume.take(n // 2, axis), np.float32) for axis, n in enumerate(volume.shape)])


def drawn(images: np.ndarray, largest: int) -> np.ndarray:
    """uint8 of (n, box, box), side by side, in common grey levels, each of at most so many pixels a side."""
    factor = -(-max(images.shape[1:]) // largest)
    small = [picture.binned(image, factor) for image in images]
    grey = picture.stretched(np.stack(small))
    gap = np.zeros((grey.shape[1], _GAP), np.uint8)
    pieces = [piece for one in grey for piece in (gap, one)][1:]
    return np.concatenate(pieces, axis=1)
