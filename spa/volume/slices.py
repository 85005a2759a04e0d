"""Central slices of a volume from its oversampled transform, with their derivatives (numba).

The volume (divided by the transform of the trilinear kernel) is padded, transformed, cropped to the band in use and
kept as a half volume (z, y, x >= 0; re, im), so that a slice is a gather of eight corners a coefficient.
A slice at pose A (3, 3), rows = the image's axes in the volume, is V(kx A[0] + ky A[1]): Bracewell's theorem.
"""

from dataclasses import dataclass

import numpy as np

from spa.compiled import kernel
from spa.image import fft
from spa.volume.cells import CHUNK, fetched, place
from spa.volume.padded import band_of

PADDING = 2


@dataclass(frozen=True, eq=False)
class Reference:
    """An oversampled half volume up to a band: grid (2r+1, 2r+1, r+2, 2) float32, r in padded units."""

    box: int
    radius: int  # shells of the image that it serves
    grid: np.ndarray


def kernel_correction(box: int, padding: int = PADDING) -> np.ndarray:
    """(box,) transform of the linear kernel along one axis: sinc^2(x / (padding box)), 1 at the centre."""
    return (np.sinc((np.arange(box) - box // 2) / (padding * box)) ** 2).astype(np.float32)


def correct_kernel(volume: np.ndarray, times: int = 1) -> np.ndarray:
    """The volume divided by the trilinear kernel's transform, so often."""
    line = kernel_correction(len(volume)) ** times
    out = volume / (line[:, None] * line)
    out /= line[:, None, None]
    return out


def grid_radius(radius: int) -> int:
    """Cells of the padded grid that serve image shells up to radius, corners of the last cell included."""
    return PADDING * (radius + 1) + 1


def regridded(volume: np.ndarray, box: int) -> np.ndarray:
    """The volume on a grid of another (even) side over the same width: its transform cropped or padded."""
    if len(volume) == box:
        return volume
    half = min(box, len(volume)) // 2
    out = np.zeros((box, box, box // 2 + 1), np.complex64)
    rows = np.r_[0:half, 1 - half : 0]  # all below the smaller grid's Nyquist frequency
    out[np.ix_(rows, rows, np.arange(half))] = fft.rfft3_low(volume, half - 1)[rows]
    return fft.irfft3(out, box) * np.float32((box / len(volume)) ** 3)


def reference(volume: np.ndarray, radius: int, threads: int = 1) -> Reference:
    """Prepare a volume (box, box, box) for slices up to image shell `radius`, in the scale of `coefficients`."""
    box = len(volume)
    radius = min(radius, box // 2 - 1)
    sharp = correct_kernel(volume)
    sharp *= np.float32(1 / box)
    band = band_of(sharp, min(grid_radius(radius), box - 1), PADDING * box, threads)
    return Reference(box, radius, band.view(np.float32).reshape(*band.shape, 2))


@kernel(
    "void(f4[::1], i8, i8, f4[:,:,::1], f4[::1], f4[::1], i4[::1], f4[:,::1], f4[:,:,::1])",
    fastmath=True,
)  # fmt: skip
def _gather(grid, ny, nx, poses, kx, ky, at, v, out):
    two, row, plane = np.uint64(2), np.uint64(2 * nx), np.uint64(2 * nx * ny)  # no sign: none is looked for at a load
    for i in range(len(poses)):
        for first in range(0, len(kx), len(at)):
            n = len(at) if first + len(at) <= len(kx) else len(kx) - first
            place(poses, i, kx, ky, ny, nx, first, n, at, v)
            v[4, 0] = fetched(grid, row, plane, at, n)
            for j in range(n):
                tx, ty, tz = v[0, j], v[1, j], v[2, j]
                for part in range(2):
                    b = two * np.uint64(at[j]) + np.uint64(part)
                    c, d, e = b + row, b + plane, b + plane + row
                    e00, e01 = grid[b] + tx * (grid[b + two] - grid[b]), grid[c] + tx * (grid[c + two] - grid[c])
                    e10, e11 = grid[d] + tx * (grid[d + two] - grid[d]), grid[e] + tx * (grid[e + two] - grid[e])
                    e0, e1 = e00 + ty * (e01 - e00), e10 + ty * (e11 - e10)
                    value = e0 + tz * (e1 - e0)
                    out[i, part, first + j] = value if part == 0 else v[3, j] * value


def slices(source: Reference, poses: np.ndarray, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """(n, 2, K) float32 central slices at poses (n, 3, 3) and frequencies kx, ky (K,) in cycles a box."""
    out, grid = np.empty((len(poses), 2, len(kx)), np.float32), source.grid
    _gather(
        grid.reshape(-1), grid.shape[1], grid.shape[2], np.ascontiguousarray(poses, np.float32), np.float32(kx),
        np.float32(ky), np.empty(CHUNK, np.int32), np.empty((5, CHUNK), np.float32), out,
    )  # fmt: skip
    return out
