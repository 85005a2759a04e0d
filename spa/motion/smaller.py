"""The inner loops that make frames smaller, to align them: filtered and decimated, rounded, summed by squares."""

import numpy as np

from spa.compiled import inner, kernel


def decimated(image: np.ndarray, taps: np.ndarray, factor: int) -> np.ndarray:
    """(ny // factor, nx // factor): every factor-th pixel of the image filtered by symmetric taps along both axes."""
    (ny, nx), count = image.shape, len(taps)
    out = np.empty((ny // factor, nx // factor), np.float32)
    wide = out.shape[1] + (count - 1) // factor + 1
    _decimated(image, taps, factor, np.empty(factor * wide, np.float32), np.empty((factor, wide), np.float32), out)
    return out


@inner
def _dealt(row, factor, phases):  # type: ignore[no-untyped-def]
    """phases (factor, wide): every factor-th pixel of a row, from each of the first ones."""
    for phase in range(factor):
        for x in range(phases.shape[1]):
            phases[phase, x] = row[x * factor + phase]


@kernel("void(f4[:, ::1], f4[::1], i8, f4[::1], f4[:, ::1], f4[:, ::1])", fastmath=True)
def _decimated(image, taps, factor, row, phases, out):  # type: ignore[no-untyped-def]
    """row (factor * wide) and phases (factor, wide) are room to work in."""
    ny, nx = image.shape
    count = len(taps)
    my, mx = out.shape
    reach = (count - factor) // 2
    inside = min(nx, len(row) - reach)
    for y in range(my):
        middle = row[reach : reach + inside]
        middle[:] = 0
        for i in range(0, count, 2):  # an even number of taps to even factors, else one is left
            one = image[min(max(y * factor - reach + i, 0), ny - 1)]
            two = image[min(max(y * factor - reach + i + 1, 0), ny - 1)]
            first, second = taps[i], taps[i + 1] if i + 1 < count else np.float32(0)
            for x in range(inside):
                middle[x] += first * one[x] + second * two[x]
        row[:reach], row[reach + inside :] = middle[0], middle[inside - 1]
        if factor == 2:  # as numbers that the compiler sees: it makes vectors of them
            _dealt(row, 2, phases)
        elif factor == 3:
            _dealt(row, 3, phases)
        elif factor == 4:
            _dealt(row, 4, phases)
        else:
            _dealt(row, factor, phases)
        target = out[y]
        target[:] = 0
        for i in range(count):
            tap, start = taps[i], i // factor
            part = phases[i % factor, start : start + mx]
            for x in range(mx):
                target[x] += tap * part[x]


def mean_and_spread(image: np.ndarray, apart: int) -> tuple[float, float]:
    """Of an image's rows, one of so many: the mean and the standard deviation."""
    found = np.empty(2)
    _moments(image, apart, found)
    away, square = found
    return float(image[0, 0] + away), float(np.sqrt(max(square - away * away, 0.0)))


@kernel("void(f4[:, ::1], i8, f8[::1])", fastmath=True)
def _moments(image, apart, found):  # type: ignore[no-untyped-def]
    """found (2,): the means of how far the rows' values are from the first one, and of the squares of that."""
    (ny, nx), first = image.shape, image[0, 0]
    found[:] = 0
    for y in range(0, ny, apart):
        total = square = np.float32(0)
        for x in range(nx):
            value = image[y, x] - first
            total += value
            square += value * value
        found[0] += total
        found[1] += square
    count = nx * ((ny + apart - 1) // apart)
    found[0] /= count
    found[1] /= count


@kernel("void(f4[:, ::1], f4, f4, i1[:, ::1])", fastmath=True)
def rounded(image, mean, scale, out):  # type: ignore[no-untyped-def]
    """out: (image - mean) * scale, rounded to signed bytes."""
    ny, nx = image.shape
    for y in range(ny):
        for x in range(nx):
            value = (image[y, x] - mean) * scale
            value = min(max(value, np.float32(-127)), np.float32(127))
            out[y, x] = np.int8(np.floor(value + np.float32(0.5)))


@kernel("void(i1[:, ::1], i8, i8, i8, i4[::1], f4[:, ::1])")
def add_shrunk(image, top, left, factor, row, out):  # type: ignore[no-untyped-def]
    """out += sums of factor x factor pixels of an image, from top, left; row (nx * factor): to work in."""
    ny, nx = out.shape
    for y in range(ny):
        row[:] = 0
        for i in range(factor):
            line = image[top + y * factor + i, left : left + nx * factor]
            for x in range(nx * factor):
                row[x] += line[x]
        for x in range(nx):
            total = 0
            for i in range(factor):
                total += row[x * factor + i]
            out[y, x] += np.float32(total)
