"""The disordered belt of detergent around a membrane protein: its own for every particle.

Blobs the size of a detergent molecule are strewn at random between two heights, around what the protein fills. Their
mean over many particles is a smooth belt; what one particle has and another has not cannot be aligned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spa.errors import DataError
from spa.volume.masks import automatic_threshold
from spa.volume.shells import lowpass
from spa.volume.transform import frequencies

THICKNESS = 22.0  # angstroms of the belt where it is thickest, midway between its faces
MOLECULE = 1200.0  # cubic angstroms that a blob stands for: between dodecyl maltoside and its neopentyl glycol twin
BFACTOR = 1600.0  # of a blob, square angstroms: 4.5 angstroms of standard deviation
SURFACE = 10.0  # angstroms: the resolution at which the protein's surface is found


@dataclass(frozen=True, eq=False)
class Belt:
    """cells (m, 3): x y z of the voxels that detergent may take, angstroms from the box centre, `side` wide.

    count: blobs of a particle; mass: the sum over a map of one blob.
    """

    cells: np.ndarray
    side: float
    count: int
    mass: float


def belt(volume: np.ndarray, pixel_size: float, low: float, high: float, contrast: float) -> Belt:
    """The belt about a specimen (n, n, n) from height low to high (z, angstroms from the centre).

    contrast: mean density of the belt over that of the protein. DataError where no protein lies between the heights.
    """
    protein = lowpass(volume, pixel_size, max(SURFACE, 2 * pixel_size))
    inside = protein > automatic_threshold(protein)
    z = (np.arange(len(volume)) - len(volume) // 2) * pixel_size
    height = 2 * (z - low) / (high - low) - 1  # -1 at one face, 1 at the other
    if not inside[np.abs(height) <= 1].any():
        raise DataError(f"a micelle from {low:g} to {high:g} angstroms: there is nothing of the specimen within it")
    core = np.stack([ndimage.binary_fill_holes(layer) for layer in inside])
    core[np.abs(height) > 1] = False  # the belt surrounds what spans the membrane, not what hangs over it
    reach = THICKNESS * np.sqrt(np.maximum(0, 1 - height**2))
    away = ndimage.distance_transform_edt(~core, sampling=pixel_size)
    room = (away <= reach[:, None, None]) & ~core & ~inside
    if not room.any():
        raise DataError(f"a micelle from {low:g} to {high:g} angstroms: there is no room for it")
    cells = (np.argwhere(room)[:, ::-1] - len(volume) // 2) * pixel_size
    count = max(1, int(round(len(cells) * pixel_size**3 / MOLECULE)))
    return Belt(cells, pixel_size, count, contrast * float(volume[inside].mean()) * len(cells) / count)


def strewn(around: Belt, rng: np.random.Generator) -> np.ndarray:
    """Where the blobs of one particle are: (count, 3) x y z, angstroms from the centre."""
    chosen = around.cells[rng.integers(len(around.cells), size=around.count)]
    return chosen + around.side * rng.uniform(-0.5, 0.5, chosen.shape)


def spectrum(around: Belt, blobs: np.ndarray, pose: np.ndarray, box: int, pixel_size: float) -> np.ndarray:
    """Half spectrum (box, box//2+1) of blobs (count, 3) seen at a pose (3, 3), the image's origin at its pixel 0."""
    kx, ky = frequencies(box, pixel_size)
    x, y = pose[:2] @ blobs.T
    waves = np.exp(-2j * np.pi * ky * y) @ np.exp(-2j * np.pi * x[:, None] * kx)
    square = kx**2 + ky**2
    envelope = np.where(square < (0.5 / pixel_size) ** 2, np.exp(-BFACTOR / 4 * square), 0)
    return (around.mass * envelope * waves).astype(np.complex64)


def spectra(
    around: Belt, rngs: Sequence[np.random.Generator], poses: np.ndarray, box: int, pixel_size: float
) -> np.ndarray:
    """Half spectra (n, box, box//2+1) of belts strewn by each of the generators, at poses (n, 3, 3)."""
    return np.stack([spectrum(around, strewn(around, rng), pose, box, pixel_size) for rng, pose in zip(rngs, poses)])
