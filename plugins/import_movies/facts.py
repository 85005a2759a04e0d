"""What the headers of movies say, and what goes with them into the table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.io import defects, movies
from spa.io import gain as gains

SHORT = 0.9  # of the usual number of frames: a movie with fewer was cut short
FEWEST = 3


def facts(path: str, fraction: int, upsample: int) -> dict[str, Any]:
    """Frames, size and kind of one movie; DataError where it is none."""
    movie = movies.read(path, fraction, upsample)
    if movie.count < FEWEST:
        raise DataError(f"{path}: {movie.count} frames, too few to align")
    if min(movie.shape) < 128:
        raise DataError(f"{path}: {movie.shape[1]} x {movie.shape[0]} pixels, too small to align")
    return {
        "frames": movie.count, "ny": movie.shape[0], "nx": movie.shape[1], "eer": movie.events is not None,
        "pixel_size": movie.pixel_size,
    }  # fmt: skip


def require_length(path: str, frames: int, usual: int) -> None:
    """DataError for a movie that was cut short."""
    if frames < SHORT * usual:
        raise DataError(f"{path}: {frames} frames, where most movies have {usual}: it was cut short")


def usual(found: Sequence[Mapping[str, Any]], name: str) -> Any:
    """The commonest of what movies say."""
    return Counter(one[name] for one in found).most_common(1)[0][0]


def pixel_size_of(found: Sequence[Mapping[str, Any]]) -> float:
    """What most headers say (angstroms); UsageError where they say nothing, or 1, which is what programs write then."""
    size = round(float(usual(found, "pixel_size")), 5)
    if not 0.1 < size < 50 or size == 1.0:
        raise UsageError("the movies' headers say no pixel size; say --pixel-size")
    return size


class Reference:
    """A gain and defects, that they can be read and fit the movies."""

    def __init__(self, gain: str | None, rotate: int, flip: int, bad: str | None, eer: bool) -> None:
        self._gain_file, self._bad_file = gain, bad
        self._gain = None if gain is None else gains.turned(gains.read(gain, eer), rotate, flip)
        self._fits: set[tuple[int, int]] = set()

    def require(self, shape: tuple[int, int]) -> None:
        """DataError where the gain or the defects are of another shape than the frames."""
        if shape in self._fits:
            return
        if self._gain is not None and self._gain_file is not None:
            gains.fitted(self._gain, shape, self._gain_file)
        if self._bad_file is not None:
            share = float(np.mean(defects.read(self._bad_file, shape)))
            if share > 0.5:
                raise DataError(f"{self._bad_file}: {share:.0%} of the pixels are bad; is 1 for good ones?")
        self._fits.add(shape)
