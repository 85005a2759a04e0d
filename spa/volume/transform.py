"""A map's continuous Fourier transform, sampled anywhere to five digits: the accurate projector.

The map is padded twice and its transform gathered with the "exponential of semicircle" kernel over 6^3 points
(Barnett, Magland & af Klinteberg, SIAM J. Sci. Comput. 41 (2019) C479), whose own transform is divided out first.
It is slower than the trilinear slices of the search, and made for simulation, resampling and tests.
"""

from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.volume.shells import require_cube

PADDING = 2
WIDTH = 6
BETA = 2.3 * WIDTH


@dataclass(frozen=True, eq=False)
class Transform:
    """The padded spectrum (size, size, size//2+1+2 margins) of a map; x begins at -WIDTH."""

    box: int
    pixel_size: float
    grid: np.ndarray


def _kernel_transform(positions: np.ndarray) -> np.ndarray:
    """Transform of the gathering kernel at positions (cycles a grid step), by quadrature."""
    node, weight = np.polynomial.legendre.leggauss(80)
    kernel = np.exp(BETA * (np.sqrt(1 - node**2) - 1)) * weight * WIDTH / 2
    return np.cos(np.pi * WIDTH * positions[:, None] * node) @ kernel


def transform(volume: np.ndarray, pixel_size: float, threads: int = 1) -> Transform:
    """Prepare a cubic map (n, n, n), origin at pixel n//2, to be sampled."""
    n = require_cube(volume)
    size = PADDING * n
    line = _kernel_transform((np.arange(n) - n // 2) / size).astype(np.float32)
    rows = np.arange(n) - n // 2  # the negative ones last, and nothing between
    grid = np.zeros((size, size, size // 2 + 1 + 2 * WIDTH), np.complex64)
    inner = grid[:, :, WIDTH:-WIDTH]

    def plane(z: int) -> None:
        plan = fft.plane((size, size))
        plan.input_array[:] = 0
        plan.input_array[np.ix_(rows, rows)] = volume[z] / (line[z] * line[:, None] * line)
        plan.execute()
        inner[z - n // 2] = plan.output_array

    fft.each(plane, n, threads)
    fft.each(lambda y: fft.along(inner[:, y]), size, threads)
    _mirror(grid)
    return Transform(n, pixel_size, grid)


def _mirror(grid: np.ndarray) -> None:
    """Fills WIDTH columns at either side of a half spectrum from the Friedel mates."""
    size = len(grid)
    flipped = -np.arange(size) % size
    for x in [*range(-WIDTH, 0), *range(size // 2 + 1, size // 2 + WIDTH + 1)]:
        mate = grid[:, :, WIDTH + (-x if x < 0 else size - x)]
        grid[:, :, WIDTH + x] = mate[np.ix_(flipped, flipped)].conj()


def sample(source: Transform, frequencies: np.ndarray) -> np.ndarray:
    """The transform (K,) complex64 at frequencies (K, 3), x y z in 1/angstrom; 0 at and beyond the map's Nyquist."""
    from spa.volume.gridded import gather  # compiled where a map is sampled

    size = source.grid.shape[0]
    points = np.ascontiguousarray(frequencies * (size * source.pixel_size), np.float64)
    inside = (points**2).sum(1) < (size / 2) ** 2
    found = np.empty(int(inside.sum()), np.complex64)
    gather(source.grid, np.ascontiguousarray(points[inside]), found)
    out = np.zeros(len(points), np.complex64)
    out[inside] = found
    return out


def frequencies(box: int, pixel_size: float) -> tuple[np.ndarray, np.ndarray]:
    """kx (1, box//2+1) and ky (box, 1) of an image's half spectrum, in 1/angstrom."""
    return np.fft.rfftfreq(box, pixel_size)[None], np.fft.fftfreq(box, pixel_size)[:, None]


def projections(source: Transform, poses: np.ndarray, box: int, pixel_size: float) -> np.ndarray:
    """Half spectra (n, box, box//2+1) of projections at poses (n, 3, 3), the image's origin at its pixel 0.

    Rows of a pose are the image's axes in the volume. The sum over an image equals the map's; nothing lies
    beyond the image's Nyquist circle.
    """
    kx, ky = frequencies(box, pixel_size)
    inside = kx**2 + ky**2 < (0.5 / pixel_size) ** 2
    plane = np.stack(np.broadcast_arrays(kx, ky), -1)[inside]  # (K, 2)
    out = np.zeros((len(poses), box, box // 2 + 1), np.complex64)
    for image, pose in zip(out, poses):
        image[inside] = sample(source, plane @ np.asarray(pose, float)[:2])
    return out * np.float32((source.pixel_size / pixel_size) ** 3)


def bent_projections(
    source: Transform, poses: np.ndarray, box: int, pixel_size: float, bend: float
) -> np.ndarray:
    """The same from a paraboloid: the transform at frequency q (1/angstrom) is met bend q^2 along the third row."""
    kx, ky = frequencies(box, pixel_size)
    inside = kx**2 + ky**2 < (0.5 / pixel_size) ** 2
    x, y = (one[inside] for one in np.broadcast_arrays(kx, ky))
    points = np.stack([x, y, bend * (x * x + y * y)], axis=-1)
    out = np.zeros((len(poses), box, box // 2 + 1), np.complex64)
    for image, pose in zip(out, poses):
        image[inside] = sample(source, points @ np.asarray(pose, float))
    return out * np.float32((source.pixel_size / pixel_size) ** 3)


def in_box(
    volume: np.ndarray, pixel_size: float, box: int, wanted: float, apart: float = 1e-3, threads: int = 1
) -> np.ndarray:
    """A map in a box of pixels of the wanted size, angstroms; as it is where it is in such, their sizes no more apart
    than that part."""
    if len(volume) == box and abs(pixel_size / wanted - 1) < apart:
        return volume
    return resampled(transform(volume, pixel_size), box, wanted, threads=threads)


def resampled(
    source: Transform, box: int, pixel_size: float, operators: np.ndarray | None = None, threads: int = 1
) -> np.ndarray:
    """The map on another grid (box, box, box), averaged over point-group operators (g, 3, 3) when they are given."""
    kx, ky = frequencies(box, pixel_size)
    turns = np.eye(3)[None] if operators is None else operators
    spectrum = np.zeros((box, box, box // 2 + 1), np.complex64)

    def plane(z: int) -> None:
        inside = kx**2 + ky**2 + ky[z] ** 2 < (0.5 / pixel_size) ** 2
        points = np.stack(np.broadcast_arrays(kx, ky, ky[z]), -1)[inside]
        for turn in turns:
            spectrum[z][inside] += sample(source, points @ turn) / len(turns)

    fft.each(plane, box, threads)
    spectrum *= np.float32((source.pixel_size / pixel_size) ** 3)
    volume = fft.irfft3(spectrum, box, threads)
    return np.roll(volume, (box // 2,) * 3, (0, 1, 2))
