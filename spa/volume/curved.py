"""Insertion on the Ewald sphere: an image is two slices of the map, bent either way (numba).

An object at a height z is seen at a defocus that is larger by z, so that ``sin(chi)`` of a flat one becomes, with q the
frequency and lambda the wavelength, ``(exp(i chi) F(q, -lambda q^2 / 2) - exp(-i chi) F(q, lambda q^2 / 2)) / 2i``. An
image is put back into both places, with what the other place adds to each taken into account as far as the particle's
diameter makes them alike; what is left of that goes when residuals from a map are put back.
Sources: Wolf et al., Ultramicroscopy 106 (2006) 376; Russo & Henderson, Ultramicroscopy 187 (2018) 56.
"""

import numpy as np

from spa.compiled import inner, kernel
from spa.volume.insert import Accumulator, Samples
from spa.volume.slices import Reference, kernel_correction, reference


def likeness(apart: np.ndarray, diameter: float) -> np.ndarray:
    """How alike the transform of a ball of a diameter is at places so far apart (1/angstrom): 1 at 0."""
    a = np.maximum(np.pi * diameter * np.asarray(apart, np.float64), 1e-3)
    return 3 * (np.sin(a) - a * np.cos(a)) / a**3


def sides(
    x: np.ndarray, chi: np.ndarray, size: np.ndarray, alike: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is inserted on both sides: values (n, 2, K) complex64, weights (n, 2, K) float32.

    x (n, K) complex, divided by the noise's deviation; chi (n, K); size (n, K): the envelope over that deviation;
    alike (n, K): of both places. Where both are one the weights add up to ``size^2 sin(chi)^2``.
    """
    wave = np.exp(-1j * chi).astype(np.complex64) * size * np.complex64(0.5j)  # conjugate of exp(i chi) / 2i
    weight = (size**2 * (1 - alike * np.cos(2 * chi)) / 4).astype(np.float32)
    return np.stack([x * wave, x * wave.conj()], axis=1), np.stack([weight, weight], axis=1)


@inner
def _cell(grid, a, u, v, w):
    """Of a point u, v, w along the rows of a doubled pose: whether its cell is in the grid, the cell, how far into it,
    and the sign of the half that it is in."""
    c = grid.shape[0] // 2
    x = u * a[0, 0] + v * a[1, 0] + w * a[2, 0]
    y = u * a[0, 1] + v * a[1, 1] + w * a[2, 1]
    z = u * a[0, 2] + v * a[1, 2] + w * a[2, 2]
    sign = np.float32(1)
    if x < 0:
        x, y, z, sign = -x, -y, -z, -sign
    ix, iy, iz = int(x), int(np.floor(y)), int(np.floor(z))
    fx, fy, fz = x - np.float32(ix), y - np.float32(iy), z - np.float32(iz)
    iy, iz = iy + c, iz + c
    inside = ix + 1 < grid.shape[2] and 0 <= iy < grid.shape[1] - 1 and 0 <= iz < grid.shape[0] - 1
    return inside, ix, iy, iz, fx, fy, fz, sign


@kernel(
    "void(f4[:,:,:,::1], i8[::1], f4[:,:,::1], c8[:,::1], c8[:,::1], f4[::1], c8[:,:,::1], f4[:,:,::1], f4[::1],"
    " i4[::1], i4[::1])", fastmath=True, allocates=True,
)  # fmt: skip
def _add(grid, rows, poses, along_x, along_y, shares, values, weights, bend, kx, ky):
    radius = along_x.shape[1] // 2
    one, two = np.float32(1), np.float32(2)
    for m in range(rows.shape[0]):
        i = rows[m]
        a = two * poses[m]
        for j in range(kx.shape[0]):
            u, v = np.float32(kx[j]), np.float32(ky[j])
            turn = along_x[m, kx[j] + radius] * along_y[m, ky[j] + radius] * shares[m]
            for side in range(2):
                w = bend[i] * (u * u + v * v) * (one if side else -one)
                inside, ix, iy, iz, fx, fy, fz, sign = _cell(grid, a, u, v, w)
                if not inside:
                    continue
                value = values[i, side, j] * turn
                re, im, weight = value.real, sign * value.imag, weights[i, side, j] * shares[m]
                for dz in range(2):
                    wz = fz if dz else one - fz
                    for dy in range(2):
                        wy = wz * (fy if dy else one - fy)
                        for dx in range(2):
                            share = wy * (fx if dx else one - fx)
                            cell = grid[iz + dz, iy + dy, ix + dx]
                            cell[0] += share * re
                            cell[1] += share * im
                            cell[2] += share * weight


@kernel(
    "void(f4[:,:,:,::1], f4[:,:,::1], f4[::1], f4[::1], f4[::1], c8[:,:,::1])", fastmath=True, allocates=True
)  # fmt: skip
def _gather(grid, poses, bend, kx, ky, out):
    one, two = np.float32(1), np.float32(2)
    for i in range(poses.shape[0]):
        a = two * poses[i]
        for j in range(kx.shape[0]):
            u, v = kx[j], ky[j]
            for side in range(2):
                w = bend[i] * (u * u + v * v) * (one if side else -one)
                inside, ix, iy, iz, fx, fy, fz, sign = _cell(grid, a, u, v, w)
                re = im = np.float32(0)
                if inside:
                    for dz in range(2):
                        wz = fz if dz else one - fz
                        for dy in range(2):
                            wy = wz * (fy if dy else one - fy)
                            for dx in range(2):
                                share = wy * (fx if dx else one - fx)
                                re += share * grid[iz + dz, iy + dy, ix + dx, 0]
                                im += share * grid[iz + dz, iy + dy, ix + dx, 1]
                out[i, side, j] = complex(re, sign * im)


def seen(
    source: Reference, poses: np.ndarray, chi: np.ndarray, size: np.ndarray, bend: np.ndarray, kx: np.ndarray,
    ky: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(n, K) complex: what images of a map show, its particle in the middle; see `sides` and `insert`."""
    both = np.empty((len(poses), 2, len(kx)), np.complex64)
    _gather(source.grid, np.ascontiguousarray(poses, np.float32), np.ascontiguousarray(bend, np.float32),
            np.float32(kx), np.float32(ky), both)  # fmt: skip
    wave = np.exp(1j * chi).astype(np.complex64) * size * np.complex64(-0.5j)
    return wave * both[:, 0] + wave.conj() * both[:, 1]


def add_map(sums: Accumulator, volume: np.ndarray) -> None:
    """Add to (closed) sums of residuals from a map what that map would have put there."""
    line = kernel_correction(len(volume))
    held = reference(volume * line[:, None, None] ** 2 * line[:, None] ** 2 * line**2, sums.radius)
    sums.grid[..., :2] += held.grid * sums.grid[..., 2:3]


def insert(
    sums: Accumulator, samples: Samples, values: np.ndarray, weights: np.ndarray, bend: np.ndarray, kx: np.ndarray,
    ky: np.ndarray,
) -> None:  # fmt: skip
    """Add images; values and weights of `sides`; bend (n,): how far the sphere leaves the plane, cycles a box for each
    square of these; below 0 where density at larger heights is at smaller defocus."""
    k = np.arange(-sums.radius - 1, sums.radius + 2)
    x, y = (np.exp(2j * np.pi / sums.box * samples.shifts[:, axis, None] * k).astype(np.complex64) for axis in (0, 1))
    _add(
        sums.grid, np.ascontiguousarray(samples.rows, np.int64), np.ascontiguousarray(samples.poses, np.float32), x, y,
        np.ascontiguousarray(samples.weights, np.float32), np.ascontiguousarray(values, np.complex64),
        np.ascontiguousarray(weights, np.float32), np.ascontiguousarray(bend, np.float32), kx, ky,
    )  # fmt: skip
