"""The inner loops over patches' spectra: what is kept of them, sums of them shifted, and the slopes of their power."""

import numpy as np

from spa.compiled import inner, kernel

UNIT = 256  # spectra are kept as whole numbers, of which the noise has so many: rounding adds 5e-6 to its variance


@inner
def _rounded(value):  # type: ignore[no-untyped-def]
    """The nearest of what two bytes hold."""
    return np.int16(np.floor(min(max(value, np.float32(-32767)), np.float32(32767)) + np.float32(0.5)))


@kernel("void(c8[:, :, ::1], i8[::1], f4[:, ::1], i2[:, :, ::1], i2[:, :, ::1])", fastmath=True)
def kept(spectra, rows, factors, real, imag):  # type: ignore[no-untyped-def]
    """real and imag (n, rows, columns): of those rows, and of the first columns, of spectra, times factors, rounded."""
    for n in range(len(real)):
        for y in range(len(rows)):
            line = spectra[n, rows[y]]
            for x in range(real.shape[2]):
                real[n, y, x] = _rounded(line[x].real * factors[y, x])
                imag[n, y, x] = _rounded(line[x].imag * factors[y, x])


@kernel("void(i2[:, :, ::1], i2[:, :, ::1], f4[:, ::1])", fastmath=True)
def add_squares(real, imag, power):  # type: ignore[no-untyped-def]
    """power (rows, columns) += the squares of spectra (n, rows, columns), of their whole numbers."""
    for n in range(len(real)):
        for y in range(len(power)):
            for x in range(power.shape[1]):
                a, b = np.float32(real[n, y, x]), np.float32(imag[n, y, x])
                power[y, x] += a * a + b * b


@kernel("void(i2[:, :, ::1], i2[:, :, ::1], f4[:, :, ::1], f4[:, ::1])", fastmath=True)
def scale(real, imag, factors, power):  # type: ignore[no-untyped-def]
    """Spectra (n, rows, columns) times factors, rounded anew, and `add_squares` of them."""
    for n in range(len(real)):
        for y in range(len(power)):
            for x in range(power.shape[1]):
                a, b = np.float32(real[n, y, x]) * factors[n, y, x], np.float32(imag[n, y, x]) * factors[n, y, x]
                real[n, y, x], imag[n, y, x] = _rounded(a), _rounded(b)
                power[y, x] += a * a + b * b


@inner
def _turns(k, shift, cosines, sines):  # type: ignore[no-untyped-def]
    """Of the angles 2 pi k shift, k in even steps from 0: each is the one before, turned on."""
    angle = 2 * np.pi * (k[1] if len(k) > 1 else 0.0) * shift
    turn_c, turn_s = np.cos(angle), np.sin(angle)
    c, s = 1.0, 0.0
    for i in range(len(k)):
        cosines[i], sines[i] = c, s
        c, s = c * turn_c - s * turn_s, c * turn_s + s * turn_c


@inner
def _turns_both_ways(k, shift, cosines, sines):  # type: ignore[no-untyped-def]
    """The same of k in the order of a transform: from 0 up, then what is below 0, up to it."""
    n, half = len(k), len(k) // 2
    _turns(k[: half + 1], shift, cosines, sines)
    for i in range(1, half + 1):
        cosines[n - i], sines[n - i] = cosines[i], -sines[i]


def add_shifted(
    real: np.ndarray, imag: np.ndarray, kx: np.ndarray, ky: np.ndarray, ends: np.ndarray, shifts: np.ndarray,
    out: np.ndarray,
) -> None:  # fmt: skip
    """out (2, rows, columns) += the spectra (n, rows, columns) shifted back by shifts (n, 2) x y.

    real and imag are whole numbers of which ``UNIT`` make 1. kx (from 0 in even steps), ky (the same, in a transform's
    order) in cycles a pixel of the shifts; ends: of each row, how many columns are used.
    """
    _add_shifted(real, imag, kx, ky, ends, shifts, _room(kx, ky), out)


def _room(kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """(4, n) for cosines and sines of columns and of rows."""
    return np.empty((4, max(len(kx), len(ky))), np.float32)


@kernel(
    "void(i2[:, :, ::1], i2[:, :, ::1], f4[::1], f4[::1], i4[::1], f8[:, ::1], f4[:, ::1], f4[:, :, ::1])",
    fastmath=True,
)  # fmt: skip
def _add_shifted(real, imag, kx, ky, ends, shifts, turns, out):  # type: ignore[no-untyped-def]
    n, rows, unit = real.shape[0], real.shape[1], np.float32(1 / UNIT)
    cx, sx, along_c, along_s = turns[0], turns[1], turns[2], turns[3]
    for f in range(n):
        _turns(kx, shifts[f, 0], cx, sx)
        _turns_both_ways(ky, shifts[f, 1], along_c, along_s)
        for y in range(rows):
            if ends[y] == 0:
                continue
            cy, sy = along_c[y] * unit, along_s[y] * unit
            for x in range(ends[y]):
                c, s = cx[x] * cy - sx[x] * sy, cx[x] * sy + sx[x] * cy
                a, b = np.float32(real[f, y, x]), np.float32(imag[f, y, x])
                out[0, y, x] += a * c - b * s
                out[1, y, x] += a * s + b * c


@kernel("void(f4[:, :, :, ::1], f4[:, :, ::1], f4[:, :, :, ::1])", fastmath=True)
def add_power(sums, power, totals):  # type: ignore[no-untyped-def]
    """power (p, rows, columns) += |sums|^2 of sums (p, 2, rows, columns); totals += sums."""
    for p in range(len(sums)):
        for y in range(sums.shape[2]):
            for x in range(sums.shape[3]):
                a, b = sums[p, 0, y, x], sums[p, 1, y, x]
                power[p, y, x] += a * a + b * b
                totals[p, 0, y, x] += a
                totals[p, 1, y, x] += b


def slopes(
    real: np.ndarray, imag: np.ndarray, kx: np.ndarray, ky: np.ndarray, ends: np.ndarray, shifts: np.ndarray,
    total: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(n, 2): half the slope of |sum of all frames|^2, weighted, along each frame's shift x y; total is that sum."""
    found = np.empty((len(real), 2))
    _slopes(real, imag, kx, ky, ends, shifts, total, _room(kx, ky), found)
    return found


@kernel(
    "void(i2[:, :, ::1], i2[:, :, ::1], f4[::1], f4[::1], i4[::1], f8[:, ::1], f4[:, :, ::1], f4[:, ::1], f8[:, ::1])",
    fastmath=True,
)  # fmt: skip
def _slopes(real, imag, kx, ky, ends, shifts, total, turns, found):  # type: ignore[no-untyped-def]
    n, rows, unit = real.shape[0], real.shape[1], np.float32(1 / UNIT)
    cx, sx, along_c, along_s = turns[0], turns[1], turns[2], turns[3]
    for f in range(n):
        _turns(kx, shifts[f, 0], cx, sx)
        _turns_both_ways(ky, shifts[f, 1], along_c, along_s)
        found[f, 0] = found[f, 1] = 0.0
        for y in range(rows):
            if ends[y] == 0:
                continue
            cy, sy = along_c[y] * unit, along_s[y] * unit
            across = along = np.float32(0)
            for x in range(ends[y]):
                c, s = cx[x] * cy - sx[x] * sy, cx[x] * sy + sx[x] * cy
                a, b = np.float32(real[f, y, x]), np.float32(imag[f, y, x])
                p, q = a * c - b * s, a * s + b * c
                turn = total[0, y, x] * q - total[1, y, x] * p
                across += kx[x] * turn
                along += turn
            found[f, 0] -= across
            found[f, 1] -= ky[y] * along
        found[f, 0] *= 2 * np.pi
        found[f, 1] *= 2 * np.pi
