"""The inner loops over patches: what is cut out of frames, sums of shifted spectra, and the slopes of their power."""

import numba
import numpy as np

from spa.compiled import kernel

_f4, _f8, _c8 = numba.float32, numba.float64, numba.complex64
_i1, _i4, _i8 = numba.int8, numba.int32, numba.int64


@kernel(numba.void(_i1[:, ::1], _i8, _i8, _f4[::1], _f4[::1], _f4[:, ::1]), fastmath=True)
def windowed(image, top, left, along_y, along_x, out):  # type: ignore[no-untyped-def]
    """out: the part of an image that begins at top, left, its mean taken off, times factors along y and x."""
    ny, nx = out.shape
    total = 0
    for y in range(ny):
        line = image[top + y, left : left + nx]
        for x in range(nx):
            total += line[x]
    mean = np.float32(total / (ny * nx))
    for y in range(ny):
        line, factor = image[top + y, left : left + nx], along_y[y]
        for x in range(nx):
            out[y, x] = (np.float32(line[x]) - mean) * (factor * along_x[x])


@kernel(numba.void(_c8[:, ::1], _i8[::1], _f4[:, ::1], _f4[:, ::1], _f4[:, ::1]), fastmath=True)
def kept(spectrum, rows, factors, real, imag):  # type: ignore[no-untyped-def]
    """real and imag (rows, columns): of those rows, and of the first columns, of a spectrum, times factors."""
    for y in range(len(rows)):
        line = spectrum[rows[y]]
        for x in range(real.shape[1]):
            real[y, x] = line[x].real * factors[y, x]
            imag[y, x] = line[x].imag * factors[y, x]


@numba.njit(nogil=True, fastmath=True)
def _turns(k, shift, cosines, sines):  # type: ignore[no-untyped-def]
    """Of the angles 2 pi k shift, k in even steps from 0: each is the one before, turned on."""
    angle = 2 * np.pi * (k[1] if len(k) > 1 else 0.0) * shift
    turn_c, turn_s = np.cos(angle), np.sin(angle)
    c, s = 1.0, 0.0
    for i in range(len(k)):
        cosines[i], sines[i] = c, s
        c, s = c * turn_c - s * turn_s, c * turn_s + s * turn_c


@kernel(
    numba.void(_f4[:, :, ::1], _f4[:, :, ::1], _f4[::1], _f4[::1], _i4[::1], _f8[:, ::1], _f4[:, :, ::1]),
    fastmath=True, allocates=True,
)  # fmt: skip
def add_shifted(real, imag, kx, ky, ends, shifts, out):  # type: ignore[no-untyped-def]
    """out (2, rows, columns) += the spectra (n, rows, columns) shifted back by shifts (n, 2) x y.

    kx (from 0 in even steps), ky in cycles a pixel of the shifts; ends: of each row, how many columns are used.
    """
    n, rows, columns = real.shape
    cx, sx = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for f in range(n):
        _turns(kx, shifts[f, 0], cx, sx)
        for y in range(rows):
            if ends[y] == 0:
                continue
            angle = 2 * np.pi * ky[y] * shifts[f, 1]
            cy, sy = np.float32(np.cos(angle)), np.float32(np.sin(angle))
            for x in range(ends[y]):
                c, s = cx[x] * cy - sx[x] * sy, cx[x] * sy + sx[x] * cy
                a, b = real[f, y, x], imag[f, y, x]
                out[0, y, x] += a * c - b * s
                out[1, y, x] += a * s + b * c


@kernel(
    _f8[:, ::1](_f4[:, :, ::1], _f4[:, :, ::1], _f4[::1], _f4[::1], _i4[::1], _f8[:, ::1], _f4[:, :, ::1]),
    fastmath=True, allocates=True,
)  # fmt: skip
def slopes(real, imag, kx, ky, ends, shifts, total):  # type: ignore[no-untyped-def]
    """(n, 2): half the slope of |sum of all frames|^2, weighted, along each frame's shift x y; total is that sum."""
    n, rows, columns = real.shape
    cx, sx = np.empty(columns, np.float32), np.empty(columns, np.float32)
    found = np.zeros((n, 2))
    for f in range(n):
        _turns(kx, shifts[f, 0], cx, sx)
        for y in range(rows):
            if ends[y] == 0:
                continue
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
        found[f, 0] *= 2 * np.pi
        found[f, 1] *= 2 * np.pi
    return found
