"""The inner loops: frames made smaller, sums of shifted spectra and their slopes, and frames laid along a field."""

import numba
import numpy as np

_f4, _f8, _i4, _i8 = numba.float32, numba.float64, numba.int32, numba.int64
TAPS, STEPS, SEGMENT = 8, 256, 16  # of interpolation: pixels used, fractions of a pixel, pixels that share one
_ROWS, _COLUMNS = 32, 256  # of a tile: its sums stay in the cache
_SHARE = 4  # rows that share a displacement


@numba.njit(_f4[:, ::1](_f4[:, ::1], _f4[::1], _i8), nogil=True, cache=True, fastmath=True)
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


@numba.njit(numba.int8[:, ::1](_f4[:, ::1], _f4, _f4), nogil=True, cache=True, fastmath=True)
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


@numba.njit(
    numba.void(_f4[:, :, ::1], _f4[:, :, ::1], _f4[::1], _f4[::1], _i4[::1], _f8[:, ::1], _f4[:, :, ::1]),
    nogil=True, cache=True, fastmath=True,
)  # fmt: skip
def add_shifted(real, imag, kx, ky, ends, shifts, out):  # type: ignore[no-untyped-def]
    """out (2, rows, columns) += the spectra (n, rows, columns) shifted back by shifts (n, 2) x y.

    kx, ky in cycles a pixel of the shifts; ends: of each row, how many columns are used.
    """
    n, rows, columns = real.shape
    cx, sx = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for f in range(n):
        for x in range(columns):
            angle = 2 * np.pi * kx[x] * shifts[f, 0]
            cx[x], sx[x] = np.cos(angle), np.sin(angle)
        for y in range(rows):
            angle = 2 * np.pi * ky[y] * shifts[f, 1]
            cy, sy = np.float32(np.cos(angle)), np.float32(np.sin(angle))
            for x in range(ends[y]):
                c, s = cx[x] * cy - sx[x] * sy, cx[x] * sy + sx[x] * cy
                a, b = real[f, y, x], imag[f, y, x]
                out[0, y, x] += a * c - b * s
                out[1, y, x] += a * s + b * c


@numba.njit(
    _f8[:, ::1](_f4[:, :, ::1], _f4[:, :, ::1], _f4[::1], _f4[::1], _i4[::1], _f8[:, ::1], _f4[:, :, ::1]),
    nogil=True, cache=True, fastmath=True,
)  # fmt: skip
def slopes(real, imag, kx, ky, ends, shifts, total):  # type: ignore[no-untyped-def]
    """(n, 2): half the slope of |sum of all frames|^2, weighted, along each frame's shift x y; total is that sum."""
    n, rows, columns = real.shape
    cx, sx = np.empty(columns, np.float32), np.empty(columns, np.float32)
    found = np.zeros((n, 2))
    for f in range(n):
        for x in range(columns):
            angle = 2 * np.pi * kx[x] * shifts[f, 0]
            cx[x], sx[x] = np.cos(angle), np.sin(angle)
        for y in range(rows):
            angle = 2 * np.pi * ky[y] * shifts[f, 1]
            cy, sy = np.float32(np.cos(angle)), np.float32(np.sin(angle))
            across = along = np.float32(0)
            for x in range(ends[y]):
                c, s = cx[x] * cy - sx[x] * sy, cx[x] * sy + sx[x] * cy
                a, b = real[f, y, x], imag[f, y, x]
                p, q = a * c - b * s, a * s + b * c
                turn = total[0, y, x] * q - total[1, y, x] * p
                across += kx[x] * turn
                along += turn
            found[f, 0] -= across
            found[f, 1] -= ky[y] * along
        found[f] *= 2 * np.pi
    return found


@numba.njit(_i8(_i8, _i8), nogil=True, cache=True)
def _mirrored(i, n):  # type: ignore[no-untyped-def]
    if i < 0:
        i = -1 - i
    if i >= n:
        i = 2 * n - 1 - i
    return min(max(i, 0), n - 1)


@numba.njit(
    numba.void(_f4[:, :, :, ::1], _i8, _i8, _f8, _i8, _i8, _i8, _f4[:, ::1], _i8[::1], _i8[::1], _f4[::1]),
    nogil=True, cache=True, fastmath=True,
)  # fmt: skip
def _steps(nodes, f, axis, y, left, right, spacing, taps, wholes, steps, weights):  # type: ignore[no-untyped-def]
    """Of each segment of a row: whole pixels of the displacement; weights (TAPS * _COLUMNS) where they change."""
    place = y / spacing
    gy = min(int(place), nodes.shape[1] - 2)
    down = place - gy
    for start in range(left, right, SEGMENT):
        stop = min(start + SEGMENT, right)
        place = (start + stop - 1) / 2 / spacing
        gx = min(int(place), nodes.shape[2] - 2)
        share = place - gx
        above = nodes[f, gy, gx, axis] + share * (nodes[f, gy, gx + 1, axis] - nodes[f, gy, gx, axis])
        below = nodes[f, gy + 1, gx, axis] + share * (nodes[f, gy + 1, gx + 1, axis] - nodes[f, gy + 1, gx, axis])
        shift = above + down * (below - above)
        whole = int(np.floor(shift))
        step = int((shift - whole) * STEPS + 0.5)
        at = (start - left) // SEGMENT
        wholes[at] = whole
        if steps[at] != step:
            steps[at] = step
            for i in range(TAPS):
                part = weights[_COLUMNS * i + start - left : _COLUMNS * i + stop - left]
                part[:] = taps[step, i]


@numba.njit(
    numba.void(_f4[:, :, ::1], _f4[:, :, :, ::1], _i8, _f4[:, ::1], _f4[:, ::1], _f4[:, :, ::1]),
    nogil=True, cache=True, fastmath=True,
)  # fmt: skip
def add_warped(frames, nodes, spacing, taps, weights, sums):  # type: ignore[no-untyped-def]
    """sums (r, ny, nx) += weights (m, r) times frames (m, ny, nx), each pixel fetched from where the field says.

    nodes (m, gy, gx, 2): displacement x y every spacing pixels (a multiple of SEGMENT), linear between; taps
    (STEPS + 1, TAPS): the interpolation's weights by fraction of a pixel. Outside, frames are mirrored at their edges.
    """
    m, ny, nx = frames.shape
    low = TAPS // 2 - 1
    count = -(-_COLUMNS // SEGMENT)
    wholes, steps = np.zeros((2, count), np.int64), np.full((2, count), -1, np.int64)
    across, along = np.zeros(TAPS * _COLUMNS, np.float32), np.zeros(TAPS * _COLUMNS, np.float32)
    line = np.zeros(_COLUMNS, np.float32)
    for top in range(0, ny, _ROWS):
        bottom = min(top + _ROWS, ny)
        for left in range(0, nx, _COLUMNS):
            right = min(left + _COLUMNS, nx)
            wide = right - left
            for f in range(m):
                steps[:] = -1
                least, most = 1e9, -1e9
                for gy in range(top // spacing, min((bottom - 1) // spacing + 2, nodes.shape[1])):
                    for gx in range(left // spacing, min((right - 1) // spacing + 2, nodes.shape[2])):
                        least = min(least, nodes[f, gy, gx, 1])
                        most = max(most, nodes[f, gy, gx, 1])
                first = top + int(np.floor(least)) - low - 1
                last = bottom + int(np.ceil(most)) + TAPS - low + 1
                held = np.zeros((last - first) * _COLUMNS, np.float32)
                for y in range(first, last):
                    row = _mirrored(y, ny)
                    inside = min(max(y, top), bottom - 1)
                    if y == first or y % _SHARE == 0:
                        _steps(nodes, f, 0, inside, left, right, spacing, taps, wholes[0], steps[0], across)
                    start = 0
                    while start < wide:
                        whole = wholes[0, start // SEGMENT]
                        stop = start
                        while stop < wide and wholes[0, stop // SEGMENT] == whole:
                            stop += SEGMENT
                        stop = min(stop, wide)
                        base = left + start + whole - low
                        target = held[(y - first) * _COLUMNS + start : (y - first) * _COLUMNS + stop]
                        if base >= 0 and base + stop - start + TAPS <= nx:
                            source = frames[f, row, base : base + stop - start + TAPS]
                            weight = across[start:]
                            for x in range(len(target)):
                                target[x] = (
                                    weight[x] * source[x] + weight[x + 256] * source[x + 1]
                                    + weight[x + 512] * source[x + 2] + weight[x + 768] * source[x + 3]
                                    + weight[x + 1024] * source[x + 4] + weight[x + 1280] * source[x + 5]
                                    + weight[x + 1536] * source[x + 6] + weight[x + 1792] * source[x + 7]
                                )  # fmt: skip
                        else:
                            for i in range(TAPS):
                                for x in range(stop - start):
                                    source_x = _mirrored(base + i + x, nx)
                                    target[x] += across[256 * i + start + x] * frames[f, row, source_x]
                        start = stop
                for y in range(top, bottom):
                    if y % _SHARE == 0:
                        _steps(nodes, f, 1, y, left, right, spacing, taps, wholes[1], steps[1], along)
                    start = 0
                    while start < wide:
                        whole = wholes[1, start // SEGMENT]
                        stop = start
                        while stop < wide and wholes[1, stop // SEGMENT] == whole:
                            stop += SEGMENT
                        stop = min(stop, wide)
                        base = y + whole - low - first
                        target = line[start:stop]
                        source, weight = held[base * _COLUMNS + start :], along[start:]
                        for x in range(len(target)):
                            target[x] = (
                                weight[x] * source[x] + weight[x + 256] * source[x + 256]
                                + weight[x + 512] * source[x + 512] + weight[x + 768] * source[x + 768]
                                + weight[x + 1024] * source[x + 1024] + weight[x + 1280] * source[x + 1280]
                                + weight[x + 1536] * source[x + 1536] + weight[x + 1792] * source[x + 1792]
                            )  # fmt: skip
                        start = stop
                    for r in range(len(sums)):
                        w = weights[f, r]
                        if w != 0:
                            target = sums[r, y, left:right]
                            for x in range(len(target)):
                                target[x] += w * line[x]


@numba.njit(
    numba.void(numba.complex64[:, ::1], _f4[::1], _f8, _i8, _i8, numba.complex64[:, ::1]), nogil=True, cache=True
)
def add_filtered(spectrum, curve, step, ny, nx, out):  # type: ignore[no-untyped-def]
    """out += spectrum (ny, nx // 2 + 1) times a curve of the radius, given every step (cycles a pixel)."""
    for y in range(ny):
        ky = (y if 2 * y <= ny else y - ny) / ny
        for x in range(nx // 2 + 1):
            kx = x / nx
            place = np.sqrt(kx * kx + ky * ky) / step
            low = min(int(place), len(curve) - 2)
            share = np.float32(place - low)
            out[y, x] += spectrum[y, x] * (curve[low] + share * (curve[low + 1] - curve[low]))
