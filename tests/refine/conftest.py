"""A small refinement with known truth: a lump in boxes of 40 pixels."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spa.image.ctf import Lens, chi_terms
from spa.image.disc import disc
from spa.refine.data import Images
from spa.refine.problem import Problem
from spa.refine.settings import Settings
from spa.search.prior import Prior
from spa.volume.masks import soft_sphere
from spa.volume.slices import reference, slices
from spa.volume.symmetry import operators

BOX, PIXEL = 40, 5.0


@dataclass(frozen=True)
class Planted:
    problem: Problem
    volume: np.ndarray
    poses: np.ndarray
    shifts: np.ndarray
    noise: np.ndarray


def make(n: int = 300, snr: float = 4.0, seed: int = 0, signal: bool = True, iterations: int = 8,
         strength: np.ndarray | None = None, poses: np.ndarray | None = None) -> Planted:  # fmt: skip
    """n images of a random lump; snr is the mean of |CTF P|^2 / s^2 over the band; strength (n,): scales.

    poses (n, 3, 3): by default from all sides.
    """
    rng = np.random.default_rng(seed)
    raw = gaussian_filter(rng.standard_normal((BOX,) * 3), 1.3)
    volume = (np.maximum(raw, 0) * soft_sphere(BOX, 12, 3)).astype(np.float32)
    band = disc(BOX, BOX // 2 - 1)
    poses = Rotation.random(n, random_state=seed + 1).as_matrix() if poses is None else poses
    shifts = rng.normal(0, 1.0, (n, 2))
    defocus = rng.uniform(8000, 20000, n)
    chi = chi_terms(Lens(300, 2.7, 0.1), defocus + 200, defocus, rng.uniform(0, np.pi, n), np.zeros(n))
    images = Images(
        band, PIXEL, np.zeros((n, 2, len(band)), np.float32), chi, np.zeros(n), np.zeros(n, int), np.arange(n) % 2
    )
    cut = slices(reference(volume, band.radius), poses, band.kx, band.ky)
    model = (cut[:, 0] + 1j * cut[:, 1]) * images.ctf(np.arange(n), len(band))
    model *= 1 if strength is None else strength[:, None]
    model *= np.exp(-2j * np.pi / BOX * (shifts @ np.stack([band.kx, band.ky])))
    scale = np.sqrt(snr / (np.abs(model) ** 2).mean())
    noise = rng.standard_normal((2, n, len(band))) / np.sqrt(2)
    images.planes[:, 0], images.planes[:, 1] = (
        scale * signal * model.real + noise[0],
        scale * signal * model.imag + noise[1],
    )
    settings = Settings(120.0, 30.0, operators("C1"), 15.0, iterations, 0)
    problem = Problem(images, settings, soft_sphere(BOX, 13, 4), Prior(np.zeros((n, 2)), 15.0 / 2.5 / PIXEL))
    return Planted(problem, (scale * volume).astype(np.float32), poses, shifts, np.ones((1, band.radius + 1)))


@pytest.fixture(scope="session")
def planted() -> Callable[..., Planted]:
    """Makes a small refinement with known truth; see `make`."""
    return make
