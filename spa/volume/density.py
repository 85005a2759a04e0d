"""Density of atoms: sums of Gaussians on a grid, free of aliasing.

Every atom scatters as ``sum a exp(-b k^2 / 4)``. The Gaussians are drawn, widened by a common B-factor, on a grid
twice as fine; the widening is undone in Fourier space and the band above the map's Nyquist dropped
(Ten Eyck, Acta Cryst. A33 (1977) 486).
"""

from collections.abc import Sequence

import numpy as np

from spa.compiled import kernel
from spa.image import fft
from spa.volume.shells import cropped, radii

FINER = 2
REACH = 4.5  # standard deviations
_ICE = 0.0314 * 3.0416  # scattering of vitreous ice per cubic angstrom: molecules x (O + 2 H), angstroms^-2
# Volumes (cubic angstroms) that atoms displace: Fraser, MacRae & Suzuki, J. Appl. Cryst. 11 (1978) 693
_DISPLACED = {"H": 5.15, "C": 16.44, "N": 2.49, "O": 9.13, "P": 5.73, "S": 19.86, "MG": 17.16, "CA": 31.89}
_DISPLACED_OTHER = 10.0


def in_ice(scattering: np.ndarray, elements: Sequence[str]) -> np.ndarray:
    """Scattering (elements, 2, m + 1) less that of the vitreous ice which each atom displaces."""
    volumes = np.array([_DISPLACED.get(element, _DISPLACED_OTHER) for element in elements])
    ice = np.stack([-_ICE * volumes, 4 * np.pi * volumes ** (2 / 3)], 1)
    return np.concatenate([scattering, ice[:, :, None]], 2)


def centred(positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Positions (n, 3) about their weighted mean."""
    return positions - (positions * weights[:, None]).sum(0) / weights.sum()


@kernel("void(f4[:,:,::1], f8[:,::1], f8[:,::1], f8[:,::1])", fastmath=True, allocates=True)
def _draw(grid, centres, heights, sigmas):
    """Add Gaussians, in units of the grid; the grid is periodic."""
    size = grid.shape[0]
    line = np.empty((3, 512))
    index = np.empty((3, 512), np.int64)
    for i in range(centres.shape[0]):
        for term in range(heights.shape[1]):
            sigma = sigmas[i, term]
            reach = min(int(np.ceil(REACH * sigma)), 255)
            count = 2 * reach + 1
            for axis in range(3):
                first = int(np.rint(centres[i, axis])) - reach
                for j in range(count):
                    t = (first + j - centres[i, axis]) / sigma
                    line[axis, j] = np.exp(-0.5 * t * t)
                    index[axis, j] = (first + j) % size
            for jz in range(count):
                plane = grid[index[2, jz]]
                for jy in range(count):
                    row = plane[index[1, jy]]
                    w = heights[i, term] * line[2, jz] * line[1, jy]
                    for jx in range(count):
                        row[index[0, jx]] += np.float32(w * line[0, jx])


def density(
    positions: np.ndarray, bfactors: np.ndarray, occupancies: np.ndarray, kinds: np.ndarray, scattering: np.ndarray,
    box: int, pixel_size: float, threads: int = 1,
) -> np.ndarray:  # fmt: skip
    """Potential (box, box, box) float32 of atoms, the origin at pixel box//2, up to the Nyquist sphere.

    positions (n, 3) x y z and pixel_size in angstroms; kinds index scattering (kinds, 2, m).
    """
    step = pixel_size / FINER
    a, b = scattering[kinds, 0], scattering[kinds, 1] + np.asarray(bfactors, float)[:, None]
    widening = max(0.0, 8 * np.pi**2 * step**2 - float(b.min()))
    b = b + widening
    heights = a * np.asarray(occupancies, float)[:, None] * (4 * np.pi / b) ** 1.5
    grid = np.zeros((FINER * box,) * 3, np.float32)
    centres = np.ascontiguousarray(positions / step, np.float64)
    _draw(grid, centres, np.ascontiguousarray(heights), np.sqrt(b / 8) / (np.pi * step))
    spectrum = cropped(fft.rfft3(grid, threads), box) / np.float32(FINER**3)
    k = radii(box) / (box * pixel_size)
    spectrum *= np.where(radii(box) < box / 2, np.exp(widening / 4 * k**2), 0).astype(np.float32)
    return np.roll(fft.irfft3(spectrum, box, threads), (box // 2,) * 3, (0, 1, 2))
