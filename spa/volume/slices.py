"""Central slices of a volume from its oversampled transform, with their derivatives (numba).

The volume (divided by the transform of the trilinear kernel) is padded, transformed, cropped to the band in use and
kept as a half volume (z, y, x >= 0; re, im), so that a slice is a gather of eight corners a coefficient.
A slice at pose A (3, 3), rows = the image's axes in the volume, is V(kx A[0] + ky A[1]): Bracewell's theorem.
"""

from dataclasses import dataclass

import numba
import numpy as np

from spa.image import fft

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


def correct_kernel(volume: np.ndarray) -> np.ndarray:
    """The volume divided by the trilinear kernel's transform."""
    line = kernel_correction(len(volume))
    return volume / (line[:, None, None] * line[:, None] * line)


def _pad(volume: np.ndarray) -> np.ndarray:
    """Twice the box with the origin (pixel n//2) moved to index 0, as transforms want it."""
    box = len(volume)
    size, half = PADDING * box, box // 2
    out = np.zeros((size,) * 3, np.float32)
    ends = ((slice(0, box - half), slice(half, box)), (slice(size - half, size), slice(0, half)))
    for z, sz in ends:
        for y, sy in ends:
            for x, sx in ends:
                out[z, y, x] = volume[sz, sy, sx]
    return out


def grid_radius(radius: int) -> int:
    """Cells of the padded grid that serve image shells up to radius, corners of the last cell included."""
    return PADDING * (radius + 1) + 1


def coarse_box(radius: int, box: int) -> int:
    """The side of a grid of the same width that holds shells up to radius with some margin; box itself if near."""
    coarse = fft.good_size(2 * (radius + 8))
    return coarse if box % 2 == 0 and coarse < 0.8 * box else box


def regridded(volume: np.ndarray, box: int, threads: int = 1) -> np.ndarray:
    """The volume on a grid of another (even) side over the same width: its transform cropped or padded."""
    if len(volume) == box:
        return volume
    spectrum = fft.rfft3(volume, threads)
    half = min(box, len(volume)) // 2
    out = np.zeros((box, box, box // 2 + 1), np.complex64)
    rows = np.r_[0:half, 1 - half : 0]  # all below the smaller grid's Nyquist frequency
    out[np.ix_(rows, rows, np.arange(half))] = spectrum[np.ix_(rows, rows, np.arange(half))]
    return fft.irfft3(out, box, threads) * np.float32((box / len(volume)) ** 3)


def reference(volume: np.ndarray, radius: int, threads: int = 1) -> Reference:
    """Prepare a volume (box, box, box) for slices up to image shell `radius`, in the scale of `coefficients`."""
    box = len(volume)
    radius = min(radius, box // 2 - 1)
    size = coarse_box(radius, box)
    spectrum = fft.rfft3(_pad(correct_kernel(regridded(volume, size, threads))), threads)
    r = min(grid_radius(radius), PADDING * size // 2 - 1)
    rows = np.arange(-r, r + 1) % (PADDING * size)
    part = spectrum[np.ix_(rows, rows, np.arange(r + 2))] * np.float32(box**2 / size**3)
    return Reference(box, radius, np.stack([part.real, part.imag], axis=-1))


@numba.njit("void(f4[:,:,:,::1], f4[:,:,::1], f4[::1], f4[::1], f4[:,:,::1])", nogil=True, fastmath=True, cache=True)
def _gather(grid, poses, kx, ky, out):
    c = grid.shape[0] // 2
    one, two = np.float32(1), np.float32(2)
    for i in range(poses.shape[0]):
        a00, a01, a02 = two * poses[i, 0, 0], two * poses[i, 0, 1], two * poses[i, 0, 2]
        a10, a11, a12 = two * poses[i, 1, 0], two * poses[i, 1, 1], two * poses[i, 1, 2]
        for j in range(kx.shape[0]):
            x = kx[j] * a00 + ky[j] * a10
            y = kx[j] * a01 + ky[j] * a11
            z = kx[j] * a02 + ky[j] * a12
            sign = np.float32(1)
            if x < 0:
                x, y, z, sign = -x, -y, -z, np.float32(-1)
            ix, iy, iz = int(x), int(np.floor(y)), int(np.floor(z))
            fx, fy, fz = x - np.float32(ix), y - np.float32(iy), z - np.float32(iz)
            ix = min(ix, grid.shape[2] - 2)  # slices of distorted images may reach over the edge
            iy = max(min(iy + c, grid.shape[1] - 2), 0)
            iz = max(min(iz + c, grid.shape[0] - 2), 0)
            re = np.float32(0)
            im = np.float32(0)
            for dz in range(2):
                wz = fz if dz else one - fz
                for dy in range(2):
                    w = wz * (fy if dy else one - fy)
                    w0, w1 = w * (one - fx), w * fx
                    re += w0 * grid[iz + dz, iy + dy, ix, 0] + w1 * grid[iz + dz, iy + dy, ix + 1, 0]
                    im += w0 * grid[iz + dz, iy + dy, ix, 1] + w1 * grid[iz + dz, iy + dy, ix + 1, 1]
            out[i, 0, j] = re
            out[i, 1, j] = sign * im


def slices(source: Reference, poses: np.ndarray, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """(n, 2, K) float32 central slices at poses (n, 3, 3) and frequencies kx, ky (K,) in cycles a box."""
    out = np.empty((len(poses), 2, len(kx)), np.float32)
    _gather(source.grid, np.ascontiguousarray(poses, np.float32), np.float32(kx), np.float32(ky), out)
    return out
