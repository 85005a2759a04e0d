"""The inner loops over frames: gain, and frames laid along a field; and over what is made of them."""

from collections.abc import Sequence

import numpy as np

from spa.compiled import inner, kernel
from spa.motion.vectors import SEGMENT, TAPS, blended

STEPS = 256  # of interpolation: fractions of a pixel
_ROWS, _COLUMNS = 32, 128  # of a tile: with its rows as they come it stays in the nearest cache
TOGETHER = 4  # frames, so that sums are fetched and stored less often
_SHARE = 4  # rows that share a displacement


@kernel("void(u1[:, ::1], f4[:, ::1])")
def add_counts(counts, out):  # type: ignore[no-untyped-def]
    """out += counts."""
    for y in range(counts.shape[0]):
        for x in range(counts.shape[1]):
            out[y, x] += np.float32(counts[y, x])


@kernel("void(u1[:, ::1], f4[:, ::1], f4[:, ::1])")
def gained(counts, gain, out):  # type: ignore[no-untyped-def]
    """out: counts times a gain."""
    for y in range(counts.shape[0]):
        for x in range(counts.shape[1]):
            out[y, x] = np.float32(counts[y, x]) * gain[y, x]


@kernel("void(f4[:, ::1], i8, f4[::1], f4[:, ::1])", fastmath=True)
def less_means(image, side, sums, out):  # type: ignore[no-untyped-def]
    """out: an image less the means of the squares of so many pixels that its pixels lie in; those at the end are
    larger. sums (nx,): to work in."""
    ny, nx = image.shape
    down, along = max(1, ny // side), max(1, nx // side)
    for j in range(down):
        top, end = j * side, ny if j == down - 1 else (j + 1) * side
        sums[:] = 0
        for y in range(top, end):
            for x in range(nx):
                sums[x] += image[y, x]
        for i in range(along):
            part = sums[i * side : nx if i == along - 1 else (i + 1) * side]
            total = np.float32(0)
            for x in range(len(part)):
                total += part[x]
            part[:] = total / np.float32(len(part) * (end - top))
        for y in range(top, end):
            for x in range(nx):
                out[y, x] = image[y, x] - sums[x]


@inner
def _mirrored(i, n):  # type: ignore[no-untyped-def]
    if i < 0:
        i = -1 - i
    if i >= n:
        i = 2 * n - 1 - i
    return min(max(i, 0), n - 1)


@inner
def _displaced(nodes, spacing, top, left, wholes, steps):  # type: ignore[no-untyped-def]
    """Of every block of a tile, x and y (2, blocks, segments): whole pixels of its displacement, and the step after."""
    for block in range(wholes.shape[1]):
        place = (top + block * _SHARE) / spacing
        gy = min(int(place), nodes.shape[0] - 2)
        down = min(place - gy, 1.0)  # beyond the frame all are as at its edge
        for segment in range(wholes.shape[2]):
            place = (left + segment * SEGMENT + (SEGMENT - 1) / 2) / spacing
            gx = min(int(place), nodes.shape[1] - 2)
            share = min(place - gx, 1.0)
            for axis in range(2):
                above = nodes[gy, gx, axis] + share * (nodes[gy, gx + 1, axis] - nodes[gy, gx, axis])
                below = nodes[gy + 1, gx, axis] + share * (nodes[gy + 1, gx + 1, axis] - nodes[gy + 1, gx, axis])
                shift = above + down * (below - above)
                whole = int(np.floor(shift))
                wholes[axis, block, segment] = whole
                steps[axis, block, segment] = int((shift - whole) * STEPS + 0.5)


@inner
def _window(frame, top, left, rows, columns, out):  # type: ignore[no-untyped-def]
    """out: rows x columns of a frame, mirrored at its edges."""
    ny, nx = frame.shape
    for y in range(rows):
        source = frame[_mirrored(top + y, ny)]
        for x in range(columns):
            out[y, x] = source[_mirrored(left + x, nx)]


@inner
def _ends(values):  # type: ignore[no-untyped-def]
    """The least and the greatest of values (2-D)."""
    low = high = values[0, 0]
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            low, high = min(low, values[y, x]), max(high, values[y, x])
    return low, high


@inner
def _fetched(frame, top, left, wholes, steps, taps, along, room, out):  # type: ignore[no-untyped-def]
    """out (_ROWS * _COLUMNS): a tile of a frame, each pixel from where the displacements say: along x, then along y.

    along and room: to work in.
    """
    (ny, nx), low = frame.shape, TAPS // 2 - 1
    (left_most, right_most), (upper_most, lower_most) = _ends(wholes[0]), _ends(wholes[1])
    x0, y0 = left_most - low, upper_most - low
    rows = _ROWS + lower_most - low - y0 + TAPS
    columns = _COLUMNS + right_most - low - x0 + TAPS
    first, stride, source = (top + y0) * nx + left + x0, nx, frame
    if top + y0 < 0 or left + x0 < 0 or top + y0 + rows > ny or left + x0 + columns > nx:
        _window(frame, top + y0, left + x0, rows, columns, room)
        first, stride, source = 0, room.shape[1], room
    for y in range(rows):
        block = min(max(y + y0, 0), _ROWS - 1) // _SHARE
        for segment in range(wholes.shape[2]):
            at = segment * SEGMENT
            start = first + y * stride + at + wholes[0, block, segment] - low - x0
            blended(source, start, 1, taps, steps[0, block, segment], along, y * _COLUMNS + at)
    for y in range(_ROWS):
        block = y // _SHARE
        for segment in range(wholes.shape[2]):
            at = segment * SEGMENT
            start = (y + wholes[1, block, segment] - low - y0) * _COLUMNS + at
            blended(along, start, _COLUMNS, taps, steps[1, block, segment], out, y * _COLUMNS + at)


def add_warped(
    frames: Sequence[np.ndarray], nodes: np.ndarray, spacing: int, taps: np.ndarray, weights: np.ndarray,
    sums: np.ndarray,
) -> None:  # fmt: skip
    """sums (r, ny, nx) += weights (m, r) times m frames (ny, nx), each pixel fetched from where the field says.

    frames: TOGETHER of them, of which the first m are looked at. nodes (m, gy, gx, 2): displacement x y every spacing
    pixels, linear between; taps (STEPS + 1, TAPS): the interpolation's weights by fraction of a pixel. Outside, frames
    are mirrored at their edges.
    """
    apart = nodes.max((1, 2)) - nodes.min((1, 2))  # of what a tile's pixels are moved by, at most
    columns, rows = (int(size + np.ceil(apart[:, axis].max())) + TAPS + 2 for axis, size in ((0, _COLUMNS), (1, _ROWS)))
    where = np.empty((2, 2, _ROWS // _SHARE, _COLUMNS // SEGMENT), np.int64)
    along, room = np.empty(rows * _COLUMNS, np.float32), np.empty((rows, columns), np.float32)
    tile = np.empty(_ROWS * _COLUMNS, np.float32)
    _add_warped(*frames, nodes, spacing, taps, weights, where[0], where[1], along, room, tile, sums)


@kernel(
    "void(f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[:, :, :, ::1], i8, f4[:, ::1], f4[:, ::1],"
    " i8[:, :, ::1], i8[:, :, ::1], f4[::1], f4[:, ::1], f4[::1], f4[:, :, ::1])",
    fastmath=True,
)  # fmt: skip
def _add_warped(a, b, c, d, nodes, spacing, taps, weights, wholes, steps, along, room, tile, sums):  # type: ignore[no-untyped-def]
    """wholes, steps, along, room and tile: to work in."""
    frames = (a, b, c, d)
    m, (ny, nx) = len(weights), a.shape
    for top in range(0, ny, _ROWS):
        for left in range(0, nx, _COLUMNS):
            wide = min(_COLUMNS, nx - left)
            for f in range(m):
                _displaced(nodes[f], spacing, top, left, wholes, steps)
                _fetched(frames[f], top, left, wholes, steps, taps, along, room, tile)
                for y in range(min(_ROWS, ny - top)):
                    line = tile[y * _COLUMNS : y * _COLUMNS + wide]
                    for r in range(len(sums)):
                        weight = weights[f, r]
                        if weight != 0:
                            target = sums[r, top + y, left : left + wide]
                            for x in range(wide):
                                target[x] += weight * line[x]


@kernel("void(f4[:, ::1], f4[:, ::1])", fastmath=True)
def bends(image, out):  # type: ignore[no-untyped-def]
    """out (ny - 2, nx - 2): four times each pixel, less its four neighbours."""
    for y in range(out.shape[0]):
        above, line, below = image[y], image[y + 1], image[y + 2]
        for x in range(out.shape[1]):
            out[y, x] = 4 * line[x + 1] - above[x + 1] - below[x + 1] - line[x] - line[x + 2]


@kernel("void(f4[:, ::1], f4[:, ::1], f8[::1])", fastmath=True)
def products(one, other, found):  # type: ignore[no-untyped-def]
    """found (4,): the sums of the products of two images, the other one as it is, upside down, turned by half, and left
    to right."""
    ny, nx = one.shape
    found[:] = 0
    for y in range(ny):
        line, same, across = one[y], other[y], other[ny - 1 - y]
        a = b = c = d = np.float32(0)
        for x in range(nx):
            value, last = line[x], nx - 1 - x
            a += value * same[x]
            b += value * across[x]
            c += value * across[last]
            d += value * same[last]
        found[0] += a
        found[1] += b
        found[2] += c
        found[3] += d


@kernel("void(c8[:, ::1], f4[::1], f8, i8, i8, f4[::1], f4[::1], c8[:, ::1])", fastmath=True)
def add_filtered(spectrum, curve, step, ny, nx, along_y, along_x, out):  # type: ignore[no-untyped-def]
    """out += spectrum (ny, nx // 2 + 1) times a curve of the radius, given every step (cycles a pixel).

    along_y (ny,), along_x (nx // 2 + 1,): further factors.
    """
    last = len(curve) - 2
    for y in range(ny):
        ky = np.float32((y if 2 * y <= ny else y - ny) / (ny * step))
        square, factor = ky * ky, along_y[y]
        for x in range(nx // 2 + 1):
            kx = np.float32(x) * np.float32(1 / (nx * step))
            place = np.sqrt(kx * kx + square)
            low = min(int(place), last)
            share = place - np.float32(low)
            out[y, x] += spectrum[y, x] * (factor * along_x[x] * (curve[low] + share * (curve[low + 1] - curve[low])))


@kernel("void(c8[:, ::1], f8[:, ::1])")
def add_power(spectrum, power):  # type: ignore[no-untyped-def]
    """power (side, side // 2 + 1) += |spectrum|^2 of a size that is as large or larger: of its lowest frequencies."""
    side, beyond = len(power), len(spectrum) - len(power)
    for y in range(side):
        row = y if y < side // 2 else y + beyond
        for x in range(power.shape[1]):
            value = spectrum[row, x]
            power[y, x] += value.real * value.real + value.imag * value.imag
