"""A small particle with known poses, seen through a CTF in noise: boxes of 32 pixels."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spa.abinit.plan import Settings
from spa.image.ctf import Lens, chi_terms
from spa.image.disc import disc
from spa.refine.data import Images
from spa.volume.masks import soft_sphere
from spa.volume.slices import reference, slices
from spa.volume.symmetry import operators

BOX, PIXEL, BAND = 32, 6.0, 11


@dataclass(frozen=True)
class Planted:
    images: Images
    volume: np.ndarray
    poses: np.ndarray
    shifts: np.ndarray
    noise: np.ndarray
    settings: Settings


def lump(seed: int, group: str = "C1") -> np.ndarray:
    """A few lobes in a sphere of 12 pixels' radius, about the box centre."""
    rng = np.random.default_rng(seed)
    volume = np.zeros((BOX,) * 3)
    for place in rng.uniform(-7, 7, (9, 3)):
        for turn in operators(group):
            volume[tuple(np.rint(turn @ place).astype(int)[::-1] + BOX // 2)] += rng.uniform(0.5, 1.0)
    volume = gaussian_filter(volume, 1.6)
    line = np.arange(BOX) - BOX // 2
    centre = [(volume.sum(axis=axes) * line).sum() / volume.sum() for axes in ((1, 2), (0, 2), (0, 1))]
    volume = np.roll(volume, [-round(c) for c in centre], (0, 1, 2))
    return (volume * soft_sphere(BOX, 12, 2)).astype(np.float32)


def make(volume: np.ndarray, n: int = 400, snr: float = 2.0, seed: int = 0, shift: float = 0.7) -> Planted:
    """n images of a volume; snr is the mean of |CTF P|^2 / s^2 over the band."""
    rng = np.random.default_rng(seed)
    band = disc(BOX, BAND)
    poses = Rotation.random(n, random_state=seed + 1).as_matrix()
    shifts = rng.normal(0, shift, (n, 2))
    defocus = rng.uniform(8000, 20000, n)
    chi = chi_terms(Lens(300, 2.7, 0.1), defocus + 200, defocus, rng.uniform(0, np.pi, n), np.zeros(n))
    images = Images(
        band, PIXEL, np.zeros((n, 2, len(band)), np.float32), chi, np.zeros(n), np.zeros(n, int), np.arange(n) % 2
    )
    cut = slices(reference(volume, band.radius), poses, band.kx, band.ky)
    model = (cut[:, 0] + 1j * cut[:, 1]) * images.ctf(np.arange(n), len(band))
    model *= np.exp(-2j * np.pi / BOX * (shifts @ np.stack([band.kx, band.ky])))
    scale = np.float32(np.sqrt(snr / (np.abs(model) ** 2).mean()))
    noise = rng.standard_normal((2, n, len(band))) / np.sqrt(2)
    images.planes[:, 0], images.planes[:, 1] = scale * model.real + noise[0], scale * model.imag + noise[1]
    settings = Settings(150.0, operators("C1"), BAND, 15.0, steps=40, batch=200)
    return Planted(images, scale * volume, poses, shifts, np.ones((1, band.radius + 1)), settings)


@pytest.fixture(scope="session")
def planted() -> Callable[..., Planted]:
    return make


@pytest.fixture(scope="session")
def lumps() -> Callable[..., np.ndarray]:
    return lump
