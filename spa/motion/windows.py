"""Parts of images cut out for a transform: their means taken off, brought to 0 at their edges."""

import numpy as np

from spa.compiled import inner, kernel


@inner
def _cut(image, top, left, along_y, along_x, out):  # type: ignore[no-untyped-def]
    """out: the part of an image that begins at top, left, its mean taken off, times factors along y and x."""
    ny, nx = out.shape
    total = 0.0
    for y in range(ny):
        line, some = image[top + y, left : left + nx], np.float32(0)
        for x in range(nx):
            some += np.float32(line[x])
        total += some
    mean = np.float32(total / (ny * nx))
    for y in range(ny):
        line, factor = image[top + y, left : left + nx], along_y[y]
        for x in range(nx):
            out[y, x] = (np.float32(line[x]) - mean) * (factor * along_x[x])


@kernel("void(f4[:, ::1], i8, i8, f4[::1], f4[::1], f4[:, ::1])", fastmath=True)
def windowed(image, top, left, along_y, along_x, out):  # type: ignore[no-untyped-def]
    """out: the part of an image that begins at top, left, its mean taken off, times factors along y and x."""
    _cut(image, top, left, along_y, along_x, out)


@kernel("void(i1[:, :, ::1], i8[:, ::1], f4[::1], f4[::1], f4[:, :, ::1])", fastmath=True)
def windowed_each(images, corners, along_y, along_x, out):  # type: ignore[no-untyped-def]
    """The same of n images of signed bytes, each from its own corner (n, 2) x y."""
    for n in range(len(corners)):
        _cut(images[n], corners[n, 1], corners[n, 0], along_y, along_x, out[n])
