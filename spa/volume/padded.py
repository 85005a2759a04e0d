"""Between a map and the low frequencies of its transform on a grid twice as fine, without the padded map.

Half of each axis of a padded map is nothing, and of its transform only a band is used: lines that are nothing are not
transformed (pruned transforms: Markel, IEEE Trans. Audio Electroacoust. 19 (1971) 305), and a block of columns stays in
the cache.  A map's origin is pixel n//2; bands are centred along z and y, and begin at 0 along x.
"""

from collections.abc import Callable, Iterator

import numpy as np

from spa.image import fft

COLUMNS = 32  # that are transformed together
Fill = Callable[[int, int, np.ndarray], None]


def padded_bytes(box: int, r: int) -> int:
    """Memory that `band_of` and `map_of` take beside what they are given and give."""
    return 8 * box * (2 * r + 1) * (r + 2)


def band_of(volume: np.ndarray, r: int, size: int, threads: int = 1) -> np.ndarray:
    """The transform (2r+1, 2r+1, r+2) complex64 of a cubic map (n, n, n) float32, padded to a side of size > 2r."""
    n, width = len(volume), r + 2
    between = np.empty((n, 2 * r + 1, width), np.complex64)
    out = np.empty((2 * r + 1, 2 * r + 1, width), np.complex64)

    def plane(z: int) -> None:
        across = fft.lines("forward", (n, size), 1)
        _spread(volume[z].T, n // 2, across.input_array.T)
        across.execute()
        for columns in _blocks(width):
            _along("forward", across.output_array[:, columns], n // 2, between[z, :, columns], r, size)

    def column(y: int) -> None:
        for columns in _blocks(width):
            _along("forward", between[:, y, columns], n // 2, out[:, y, columns], r, size)

    fft.each(plane, n, threads)
    fft.each(column, 2 * r + 1, threads)
    return out


def map_of(fill: Fill, r: int, n: int, size: int, threads: int = 1) -> np.ndarray:
    """The middle (n, n, n) float32 of the padded map whose transform is a ball of radius r < size / 2; unnormalised.

    fill: of the plane y + r of the band, columns x from the second argument on go to the third (size, COLUMNS), z
    wrapped; what is beyond the ball is 0. Divided by size^3 it is the inverse of `band_of`.
    """
    width = r + 1
    between = np.zeros((n, 2 * r + 1, width), np.complex64)
    out = np.empty((n, n, n), np.float32)

    def column(y: int) -> None:
        lines = fft.lines("back", (size, COLUMNS), 0)
        for columns in _blocks(1 + int(np.sqrt(r**2 - (y - r) ** 2))):
            fill(y, columns.start, lines.input_array)
            lines.execute()
            _gather(lines.output_array[:, : columns.stop - columns.start], n // 2, between[:, y, columns])

    def plane(z: int) -> None:
        across = fft.lines("backward", (n, size), 1)
        for columns in _blocks(width):
            _along("back", between[z, :, columns], r, across.input_array[:, columns], n // 2, size)
        across.input_array[:, width:] = 0
        across.execute()
        _gather(across.output_array.T, n // 2, out[z].T)

    fft.each(column, 2 * r + 1, threads)
    fft.each(plane, n, threads)
    return out


def _along(kind: str, some: np.ndarray, origin: int, out: np.ndarray, back: int, size: int) -> None:
    """Columns some (a, c), whose origin is a row of theirs, transformed at a length of size; rows of out (b, c) from
    -back on."""
    lines = fft.lines("along" if kind == "forward" else kind, (size, COLUMNS), 0)
    count = some.shape[1]
    _spread(some, origin, lines.input_array[:, :count])
    lines.input_array[:, count:] = 0
    lines.execute()
    _gather(lines.output_array[:, :count], back, out)


def _spread(rows: np.ndarray, origin: int, out: np.ndarray) -> None:
    """Rows whose origin is one of theirs as the first and the last of out, and nothing between."""
    after = len(rows) - origin
    out[:after] = rows[origin:]
    out[after : len(out) - origin] = 0
    out[len(out) - origin :] = rows[:origin]


def _gather(rows: np.ndarray, origin: int, out: np.ndarray) -> None:
    """The other way: out takes the first and the last of rows, its origin at the row of that number."""
    out[origin:] = rows[: len(out) - origin]
    out[:origin] = rows[len(rows) - origin :]


def _blocks(width: int) -> Iterator[slice]:
    return (slice(first, min(first + COLUMNS, width)) for first in range(0, width, COLUMNS))

