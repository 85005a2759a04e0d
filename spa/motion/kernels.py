"""The inner loops over frames: gain, frames made smaller, and laid along a field; and over what is made of them."""

import numba
import numpy as np

from spa.compiled import kernel
from spa.motion.vectors import SEGMENT, TAPS, blended

_f4, _f8, _c8, _u1, _i8 = numba.float32, numba.float64, numba.complex64, numba.uint8, numba.int64
STEPS = 256  # of interpolation: fractions of a pixel
_ROWS, _COLUMNS = 32, 256  # of a tile: its sums stay in the cache
TOGETHER = 4  # frames, so that sums are fetched and stored less often
_SHARE = 4  # rows that share a displacement


@kernel(_f4[:, ::1](_f4[:, ::1], _f4[::1], _i8), fastmath=True, allocates=True)
def decimated(image, taps, factor):  # type: ignore[no-untyped-def]
    """(ny // factor, nx // factor): every factor-th pixel of the image filtered by symmetric taps along both axes."""
    ny, nx = image.shape
    count = len(taps)
    my, mx, reach = ny // factor, nx // factor, (count - factor) // 2
    rows = np.zeros((count, mx), np.float32)
    out = np.zeros((my, mx), np.float32)
    wide = mx + (count - 1) // factor + 1
    phases = np.empty((factor, wide), np.float32)
    done = -reach
    for y in range(my):
        while done < y * factor - reach + count:
            source = image[min(max(done, 0), ny - 1)]
            for phase in range(factor):
                part = phases[phase]
                for x in range(wide):
                    part[x] = source[min(max(x * factor + phase - reach, 0), nx - 1)]
            row = rows[(done + count) % count]
            row[:] = 0
            for i in range(count):
                tap, start = taps[i], i // factor
                part = phases[i % factor, start : start + mx]
                for x in range(mx):
                    row[x] += tap * part[x]
            done += 1
        target = out[y]
        for i in range(count):
            tap, row = taps[i], rows[(y * factor - reach + i + count) % count]
            for x in range(mx):
                target[x] += tap * row[x]
    return out


@kernel(numba.void(_u1[:, ::1], _f4[:, ::1], _f4[:, ::1]))
def gained(counts, gain, out):  # type: ignore[no-untyped-def]
    """out: counts times a gain."""
    for y in range(counts.shape[0]):
        for x in range(counts.shape[1]):
            out[y, x] = np.float32(counts[y, x]) * gain[y, x]


@kernel(numba.int8[:, ::1](_f4[:, ::1], _f4, _f4), fastmath=True, allocates=True)
def rounded(image, mean, scale):  # type: ignore[no-untyped-def]
    """(image - mean) * scale, rounded to signed bytes."""
    ny, nx = image.shape
    out = np.empty((ny, nx), np.int8)
    for y in range(ny):
        for x in range(nx):
            value = (image[y, x] - mean) * scale
            value = min(max(value, np.float32(-127)), np.float32(127))
            out[y, x] = np.int8(np.floor(value + np.float32(0.5)))
    return out


# parts of add_warped: without signatures of their own, so that they are compiled into it and not loaded apart


@numba.njit(nogil=True, fastmath=True)
def _mirrored(i, n):  # type: ignore[no-untyped-def]
    if i < 0:
        i = -1 - i
    if i >= n:
        i = 2 * n - 1 - i
    return min(max(i, 0), n - 1)


@numba.njit(nogil=True, fastmath=True)
def _displaced(nodes, spacing, top, left, wholes, steps):  # type: ignore[no-untyped-def]
    """Of every block of a tile, x and y (2, blocks, segments): whole pixels of its displacement, and the step after."""
    for block in range(wholes.shape[1]):
        place = (top + block * _SHARE) / spacing
        gy = min(int(place), nodes.shape[0] - 2)
        down = place - gy
        for segment in range(wholes.shape[2]):
            place = (left + segment * SEGMENT + (SEGMENT - 1) / 2) / spacing
            gx = min(int(place), nodes.shape[1] - 2)
            share = place - gx
            for axis in range(2):
                above = nodes[gy, gx, axis] + share * (nodes[gy, gx + 1, axis] - nodes[gy, gx, axis])
                below = nodes[gy + 1, gx, axis] + share * (nodes[gy + 1, gx + 1, axis] - nodes[gy + 1, gx, axis])
                shift = above + down * (below - above)
                whole = int(np.floor(shift))
                wholes[axis, block, segment] = whole
                steps[axis, block, segment] = int((shift - whole) * STEPS + 0.5)


@numba.njit(nogil=True, fastmath=True)
def _window(frame, top, left, rows, columns):  # type: ignore[no-untyped-def]
    """(rows, columns) of a frame, mirrored at its edges."""
    ny, nx = frame.shape
    out = np.empty((rows, columns), np.float32)
    for y in range(rows):
        source = frame[_mirrored(top + y, ny)]
        for x in range(columns):
            out[y, x] = source[_mirrored(left + x, nx)]
    return out


@numba.njit(nogil=True, fastmath=True)
def _ends(values):  # type: ignore[no-untyped-def]
    """The least and the greatest of values (2-D)."""
    low = high = values[0, 0]
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            low, high = min(low, values[y, x]), max(high, values[y, x])
    return low, high


@numba.njit(nogil=True, fastmath=True)
def _fetched(frame, top, left, wholes, steps, taps, out):  # type: ignore[no-untyped-def]
    """out (_ROWS * _COLUMNS): a tile of a frame, each pixel from where the displacements say: along x, then along y."""
    (ny, nx), low = frame.shape, TAPS // 2 - 1
    (left_most, right_most), (upper_most, lower_most) = _ends(wholes[0]), _ends(wholes[1])
    x0, y0 = left_most - low, upper_most - low
    rows = _ROWS + lower_most - low - y0 + TAPS
    columns = _COLUMNS + right_most - low - x0 + TAPS
    first, stride, source = (top + y0) * nx + left + x0, nx, frame.reshape(-1)
    if top + y0 < 0 or left + x0 < 0 or top + y0 + rows > ny or left + x0 + columns > nx:
        first, stride, source = 0, columns, _window(frame, top + y0, left + x0, rows, columns).reshape(-1)
    along = np.empty(rows * _COLUMNS, np.float32)
    for y in range(rows):
        block = min(max(y + y0, 0), _ROWS - 1) // _SHARE
        for segment in range(wholes.shape[2]):
            at = segment * SEGMENT
            start = first + y * stride + at + wholes[0, block, segment] - low - x0
            blended(source, start, 1, taps, steps[0, block, segment], along, y * _COLUMNS + at)  # type: ignore[call-arg]
    for y in range(_ROWS):
        block = y // _SHARE
        for segment in range(wholes.shape[2]):
            at = segment * SEGMENT
            start = (y + wholes[1, block, segment] - low - y0) * _COLUMNS + at
            blended(along, start, _COLUMNS, taps, steps[1, block, segment], out, y * _COLUMNS + at)  # type: ignore[call-arg]


@kernel(
    numba.void(
        numba.types.UniTuple(_f4[:, ::1], TOGETHER), _f4[:, :, :, ::1], _i8, _f4[:, ::1], _f4[:, ::1], _f4[:, :, ::1]
    ),
    fastmath=True, allocates=True,
)  # fmt: skip
def add_warped(frames, nodes, spacing, taps, weights, sums):  # type: ignore[no-untyped-def]
    """sums (r, ny, nx) += weights (m, r) times m frames (ny, nx), each pixel fetched from where the field says.

    frames: TOGETHER of them, of which the first m are looked at. nodes (m, gy, gx, 2): displacement x y every spacing
    pixels, linear between; taps (STEPS + 1, TAPS): the interpolation's weights by fraction of a pixel. Outside, frames
    are mirrored at their edges.
    """
    m, (ny, nx) = len(weights), frames[0].shape
    wholes = np.empty((2, _ROWS // _SHARE, _COLUMNS // SEGMENT), np.int64)
    steps = np.empty((2, _ROWS // _SHARE, _COLUMNS // SEGMENT), np.int64)
    tile = np.empty(_ROWS * _COLUMNS, np.float32)
    for top in range(0, ny, _ROWS):
        for left in range(0, nx, _COLUMNS):
            wide = min(_COLUMNS, nx - left)
            for f in range(m):
                _displaced(nodes[f], spacing, top, left, wholes, steps)
                _fetched(frames[f], top, left, wholes, steps, taps, tile)
                for y in range(min(_ROWS, ny - top)):
                    line = tile[y * _COLUMNS : y * _COLUMNS + wide]
                    for r in range(len(sums)):
                        weight = weights[f, r]
                        if weight != 0:
                            target = sums[r, top + y, left : left + wide]
                            for x in range(wide):
                                target[x] += weight * line[x]


@kernel(
    numba.void(_c8[:, ::1], _f4[::1], _f8, _i8, _i8, _f4[::1], _f4[::1], _c8[:, ::1]), fastmath=True,
)  # fmt: skip
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


@kernel(numba.void(_c8[:, ::1], _f8[:, ::1]))
def add_power(spectrum, power):  # type: ignore[no-untyped-def]
    """power (side, side // 2 + 1) += |spectrum|^2 of a size that is as large or larger: of its lowest frequencies."""
    side, beyond = len(power), len(spectrum) - len(power)
    for y in range(side):
        row = y if y < side // 2 else y + beyond
        for x in range(power.shape[1]):
            value = spectrum[row, x]
            power[y, x] += value.real * value.real + value.imag * value.imag
