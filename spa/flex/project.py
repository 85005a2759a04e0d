"""Projections of a density whose mesh has been moved, their adjoint, and the moved density itself (numba).

A voxel's mass goes with it: its place is the mean of its tetrahedron's vertices with its barycentric coordinates, and
it is spread over the corners of a pixel of an oversampled image, whose transform is divided by that of the spreading.
"""

from dataclasses import dataclass

import numpy as np

from spa.compiled import inner, kernel
from spa.flex.mesh import Body, Mesh
from spa.image import fft
from spa.image.disc import Disc
from spa.volume.slices import PADDING


@dataclass(frozen=True, eq=False)
class Screen:
    """Where projections of a box are spread: side of the oversampled image; flat (K,) places of the coefficients in its
    half spectrum, factor (K,): centring and the kernel's transform; opposite: places of the conjugates at kx = 0."""

    box: int
    side: int
    flat: np.ndarray
    factor: np.ndarray
    edge: np.ndarray
    opposite: np.ndarray


def screen(band: Disc, count: int) -> Screen:
    """For the first `count` coefficients of a band."""
    side = fft.good_size(PADDING * band.box)
    width = side // 2 + 1
    kx, ky = band.kx[:count], band.ky[:count]
    kernel = np.sinc(kx / side) ** 2 * np.sinc(ky / side) ** 2
    turn = np.exp(2j * np.pi * (side // 2) / side * (kx + ky))
    edge = np.flatnonzero(kx == 0)
    return Screen(band.box, side, (ky % side) * width + kx, (turn / kernel / band.box).astype(np.complex64), edge,
                  (-ky[edge] % side) * width)  # fmt: skip


def places(side: int, mesh: Mesh, moves: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """(n, V, 2) where vertices moved by (n, V, 3) (shares of the box) are seen at poses (n, 3, 3), fine pixels of an
    image of a side."""
    at = (mesh.vertices.astype(np.float32) + moves) @ np.swapaxes(poses[:, :2].astype(np.float32), 1, 2)
    return np.ascontiguousarray(at * np.float32(side) + np.float32(side // 2), np.float32)


@inner
def _along(at, corners, shares, voxel, axis):
    """Where a voxel is along an axis: the mean of its tetrahedron's vertices `at` with its barycentric coordinates."""
    total = np.float32(0)
    for c in range(4):
        total += shares[voxel, c] * at[corners[voxel, c], axis]
    return total


@inner
def _pixel(at, corners, shares, voxel, side):
    """The pixel (row, column) of an image that a voxel is seen in, row -1 outside, and how far into it (x, y)."""
    most = np.float32(side - 2)
    x, y = _along(at, corners, shares, voxel, np.int64(0)), _along(at, corners, shares, voxel, np.int64(1))
    if not (x >= 0 and y >= 0 and x < most and y < most):
        return -1, -1, np.float32(0), np.float32(0)
    ix, iy = int(x), int(y)
    return iy, ix, x - np.float32(ix), y - np.float32(iy)


@kernel("void(f4[:,::1], i4[:,::1], f4[:,::1], f4[::1], f4[:,::1])", fastmath=True)
def _spread(at, corners, shares, density, out):
    one = np.float32(1)
    for j in range(len(density)):
        iy, ix, fx, fy = _pixel(at, corners, shares, j, out.shape[0])
        if iy < 0:
            continue
        top, low = density[j] * (one - fy), density[j] * fy
        out[iy, ix] += top * (one - fx)
        out[iy, ix + 1] += top * fx
        out[iy + 1, ix] += low * (one - fx)
        out[iy + 1, ix + 1] += low * fx


@kernel(
    "void(f4[:,::1], i4[:,::1], f4[:,::1], f4[::1], f4[:,::1], f4[:,::1], f4[::1])", fastmath=True,
)  # fmt: skip
def _gathered(at, corners, shares, density, image, slope, value):
    one = np.float32(1)
    for j in range(len(density)):
        iy, ix, fx, fy = _pixel(at, corners, shares, j, image.shape[0])
        if iy < 0:
            continue
        a, b, c0, d = image[iy, ix], image[iy, ix + 1], image[iy + 1, ix], image[iy + 1, ix + 1]
        value[j] += (one - fy) * (a + fx * (b - a)) + fy * (c0 + fx * (d - c0))
        gx = density[j] * ((one - fy) * (b - a) + fy * (d - c0))
        gy = density[j] * ((one - fx) * (c0 - a) + fx * (d - b))
        for c in range(4):
            slope[corners[j, c], 0] += shares[j, c] * gx
            slope[corners[j, c], 1] += shares[j, c] * gy


@kernel("void(f4[:,::1], i4[:,::1], f4[:,::1], f4[:,::1], f4[::1])", fastmath=True)
def _looked_up(at, corners, shares, image, value):
    one = np.float32(1)
    for j in range(len(value)):
        iy, ix, fx, fy = _pixel(at, corners, shares, j, image.shape[0])
        if iy < 0:
            continue
        a, b, c, d = image[iy, ix], image[iy, ix + 1], image[iy + 1, ix], image[iy + 1, ix + 1]
        value[j] += (one - fy) * (a + fx * (b - a)) + fy * (c + fx * (d - c))


def projected(on: Screen, body: Body, density: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(n, K) coefficients, complex64, of a density (M,) whose vertices are seen at (n, V, 2)."""
    images = np.zeros((len(at), on.side, on.side), np.float32)
    for one, image in zip(at, images):
        _spread(one, body.corners, body.shares, density, image)
    return fft.rfft2(images).reshape(len(at), -1)[:, on.flat] * on.factor


def adjoint(
    on: Screen, body: Body, density: np.ndarray, at: np.ndarray, residual: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of sum 2 Re <residual, projection>, residual (n, K): slopes by the vertices (n, V, 2), by the density (M,)."""
    slope, value = np.zeros(at.shape, np.float32), np.zeros(len(body), np.float32)
    for one, image, mine in zip(at, _back(on, residual), slope):
        _gathered(one, body.corners, body.shares, density, image, mine, value)
    return slope, value


def adjoint_density(on: Screen, body: Body, at: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """The slope (M,) by the density alone, which takes half the time."""
    value = np.zeros(len(body), np.float32)
    for one, image in zip(at, _back(on, residual)):
        _looked_up(one, body.corners, body.shares, image, value)
    return value


def _back(on: Screen, residual: np.ndarray) -> np.ndarray:
    """(n, side, side) the images that coefficients (n, K) are of."""
    values = residual * on.factor.conj()
    half = np.zeros((len(residual), on.side * (on.side // 2 + 1)), np.complex64)
    half[:, on.flat] = values
    half[:, on.opposite] = values[:, on.edge].conj()
    return fft.irfft2(half.reshape(len(residual), on.side, -1), on.side) * np.float32(on.side**2)


@dataclass(frozen=True, eq=False)
class Canvas:
    """A body and the screen that it is projected on, by this processor; block: images best handled together."""

    screen: Screen
    body: Body
    block: int = 8

    @property
    def side(self) -> int:
        return self.screen.side

    def projected(self, density: np.ndarray, at: np.ndarray) -> np.ndarray:
        return projected(self.screen, self.body, density, at)

    def adjoint(self, density: np.ndarray, at: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return adjoint(self.screen, self.body, density, at, residual)

    def adjoint_density(self, at: np.ndarray, residual: np.ndarray) -> np.ndarray:
        return adjoint_density(self.screen, self.body, at, residual)


@kernel("void(f4[:,::1], i4[:,::1], f4[:,::1], f4[::1], f4[:,:,::1])", fastmath=True)
def _filled(at, corners, shares, density, out):
    one, most = np.float32(1), np.float32(out.shape[0] - 2)
    for j in range(len(density)):
        x, y = _along(at, corners, shares, j, np.int64(0)), _along(at, corners, shares, j, np.int64(1))
        z = _along(at, corners, shares, j, np.int64(2))
        if not (x >= 0 and y >= 0 and z >= 0 and x < most and y < most and z < most):
            continue
        ix, iy, iz = int(x), int(y), int(z)
        fx, fy, fz = x - np.float32(ix), y - np.float32(iy), z - np.float32(iz)
        for dz in range(2):
            for dy in range(2):
                w = density[j] * (fz if dz else one - fz) * (fy if dy else one - fy)
                out[iz + dz, iy + dy, ix] += w * (one - fx)
                out[iz + dz, iy + dy, ix + 1] += w * fx


def moved(mesh: Mesh, body: Body, density: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """The map (n, n, n) float32 of a density (M,) after its vertices moved by (V, 3), shares of the box."""
    n = body.box
    side = PADDING * n
    at = (mesh.vertices + moves) * side + side // 2
    fine = np.zeros((side,) * 3, np.float32)
    _filled(np.ascontiguousarray(at, np.float32), body.corners, body.shares, density, fine)
    spectrum = fft.rfft3(fine)
    rows = np.fft.fftfreq(n, 1 / n).astype(int)
    line = np.exp(2j * np.pi * rows * (side // 2) / side) / np.sinc(rows / side) ** 2  # origin to index 0
    line *= np.exp(-2j * np.pi * rows * (n // 2) / n)  # and on to the centre of the box
    line[np.abs(rows) == n // 2] = 0
    last = line[: n // 2 + 1].copy()
    part = spectrum[np.ix_(rows % side, rows % side, np.arange(n // 2 + 1))]
    part *= (line[:, None, None] * line[:, None] * last).astype(np.complex64)
    return fft.irfft3(part, n)
