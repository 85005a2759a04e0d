"""Between a map and the low frequencies of its transform on a grid twice as fine, without the padded map.

Half of each axis of a padded map is nothing, and of its transform only a band is used: lines that are nothing are not
transformed (pruned transforms: Markel, IEEE Trans. Audio Electroacoust. 19 (1971) 305). So much is done at once as
stays in the cache: less, and threads would wait for each other's turn.  A map's origin is pixel n//2; bands are centred
along z and y, and begin at 0 along x.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from spa.image import fft

Fill = Callable[[np.ndarray, np.ndarray], None]


def padded_bytes(box: int, r: int) -> int:
    """Memory that `band_of` and `map_of` take beside what they are given and give."""
    return 8 * box * (2 * r + 1) * (r + 2)


def band_of(volume: np.ndarray, r: int, size: int, threads: int = 1) -> np.ndarray:
    """The transform (2r+1, 2r+1, r+2) complex64 of a cubic map (n, n, n) float32, padded to a side of size > 2r."""
    n, width = len(volume), r + 2
    between = np.empty((n, 2 * r + 1, width), np.complex64)
    out = np.empty((2 * r + 1, 2 * r + 1, width), np.complex64)
    flat, target = between.reshape(n, -1), out.reshape(len(out), -1)
    planes, lanes = _planes(n, size), fft.lanes(size, flat.shape[1])

    def plane(number: int) -> None:
        some = slice(number * planes, min((number + 1) * planes, n))
        across = fft.lines("forward", (planes * n, size), 1)
        rows = across.input_array.reshape(planes, n, size)[: some.stop - some.start]
        _spread(volume[some].T, n // 2, rows.T)
        across.execute()
        found = across.output_array.reshape(planes, n, -1)[: len(rows)]
        for columns in _blocks(width, planes * size):
            down = fft.lines("along", (planes, size, columns.stop - columns.start), 1)
            _spread(found[:, :, columns].swapaxes(0, 1), n // 2, down.input_array[: len(rows)].swapaxes(0, 1))
            down.execute()
            _gather(down.output_array[: len(rows)].swapaxes(0, 1), r, between[some, :, columns].swapaxes(0, 1))

    def column(number: int) -> None:
        columns = slice(number * lanes, min((number + 1) * lanes, flat.shape[1]))
        down, count = fft.lines("along", (size, lanes), 0), columns.stop - columns.start
        _spread(flat[:, columns], n // 2, down.input_array[:, :count])
        down.execute()
        _gather(down.output_array[:, :count], r, target[:, columns])

    fft.each(plane, -(-n // planes), threads)
    fft.each(column, -(-flat.shape[1] // lanes), threads)
    return out


def map_of(fill: Fill, r: int, n: int, size: int, threads: int = 1) -> np.ndarray:
    """The middle (n, n, n) float32 of the padded map whose transform is a ball of radius r < size / 2; unnormalised.

    fill: pieces (k, 4) of the band, each a plane y + r, so many of its columns x from a first on, go to columns of the
    other argument (size, lanes) from a last number on, z wrapped; 0 stands there, as beyond the ball. Divided by size^3
    it is the inverse of `band_of`.
    """
    width = r + 1
    between = np.zeros((n, 2 * r + 1, width), np.complex64)
    out = np.empty((n, n, n), np.float32)
    widths = [1 + int(np.sqrt(r**2 - y**2)) for y in range(-r, r + 1)]
    planes, most = _planes(n, size), fft.lanes(size, sum(widths))
    groups = list(_shared(widths, most))

    def column(number: int) -> None:
        down = fft.lines("back", (size, most), 0)
        down.input_array[:] = 0
        fill(groups[number], down.input_array)
        down.execute()
        for y, first, count, lane in groups[number].tolist():
            _gather(down.output_array[:, lane : lane + count], n // 2, between[:, y, first : first + count])

    def plane(number: int) -> None:
        some = slice(number * planes, min((number + 1) * planes, n))
        across = fft.lines("backward", (planes * n, size), 1)
        rows = across.input_array.reshape(planes, n, -1)[: some.stop - some.start]
        for columns in _blocks(width, planes * size):
            down = fft.lines("back", (planes, size, columns.stop - columns.start), 1)
            _spread(between[some, :, columns].swapaxes(0, 1), r, down.input_array[: len(rows)].swapaxes(0, 1))
            down.execute()
            _gather(down.output_array[: len(rows)].swapaxes(0, 1), n // 2, rows[:, :, columns].swapaxes(0, 1))
        rows[:, :, width:] = 0
        across.execute()
        _gather(across.output_array.reshape(planes, n, size)[: len(rows)].T, n // 2, out[some].T)

    fft.each(column, len(groups), threads)
    fft.each(plane, -(-n // planes), threads)
    return out


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


def _planes(n: int, size: int) -> int:
    """How many planes are transformed together."""
    return min(n, max(1, fft.TOGETHER // (n * size)))


def _blocks(width: int, rows: int) -> Iterator[slice]:
    """Columns of so many rows in blocks of one size, the last a little less, to be transformed together."""
    each = -(-width // -(-width * rows // fft.TOGETHER))
    return (slice(first, min(first + each, width)) for first in range(0, width, each))


def _shared(widths: Sequence[int], most: int) -> Iterator[np.ndarray]:
    """The columns of planes of such widths in groups of up to so many, of pieces (k, 4): a plane, the first of its
    columns, how many, and where in the group."""
    group: list[tuple[int, int, int, int]] = []
    at = 0
    for y, width in enumerate(widths):
        first = 0
        while first < width:
            count = min(most - at, width - first)
            group.append((y, first, count, at))
            first, at = first + count, at + count
            if at == most:
                yield np.array(group)
                group, at = [], 0
    if group:
        yield np.array(group)
