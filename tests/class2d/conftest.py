"""Images of three planted shapes, turned, moved, seen through a CTF, in white noise."""

from dataclasses import dataclass

import numpy as np
import pytest

from spa.class2d import plane
from spa.image.ctf import Lens, chi_terms
from spa.image.disc import coefficients, disc
from spa.refine.data import Images

BOX, PIXEL, DIAMETER = 48, 5.0, 200.0


@dataclass(frozen=True)
class Planted:
    images: Images
    shapes: np.ndarray  # (3, box, box)
    cls: np.ndarray
    psi: np.ndarray
    shift: np.ndarray
    noise: np.ndarray  # (1, shells)


def shapes() -> np.ndarray:
    """Three lopsided shapes of blobs, about 130 A long, centred."""
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    blobs = [
        [(-8, 0, 3), (0, 0, 4), (8, 3, 3)],
        [(0, 0, 7), (3, 5, 3), (-6, -4, 2)],
        [(-7, -6, 3), (7, -6, 3), (0, 8, 3), (0, 0, 2)],
    ]
    made = [sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * s * s)) for a, b, s in shape) for shape in blobs]
    return np.array(made, np.float32)


def plant(n: int = 240, amplitude: float = 4.0, seed: int = 3, reach: float = 3.0) -> Planted:
    rng = np.random.default_rng(seed)
    band = disc(BOX, 20)
    whole = plane.Plane(BOX, 20)
    cls, psi = rng.integers(0, 3, n), rng.uniform(-np.pi, np.pi, n)
    shift = rng.uniform(-reach, reach, (n, 2))
    grids = whole.grids(plane.resampled(shapes(), whole.small))
    turn = plane.turns(whole, band, len(band), psi)
    seen = np.stack([plane.slices(grids[c : c + 1], whole.columns, turn.take(i))[0, 0] for i, c in enumerate(cls)])
    phase = np.exp(-2j * np.pi / BOX * (shift @ np.stack([band.kx, band.ky])))
    u = rng.uniform(8000, 20000, n)
    chi = chi_terms(Lens(300, 2.7, 0.1), u, u - 300, rng.uniform(0, np.pi, n), np.zeros(n))
    blank = np.zeros((n, 2, len(band)), np.float32)
    images = Images(band, PIXEL, blank, chi, np.zeros(n), np.zeros(n, int), np.arange(n) % 2)
    clean = amplitude * (seen[:, 0] + 1j * seen[:, 1]) * phase * images.ctf(np.arange(n), len(band))
    images.planes[:] = np.stack([clean.real, clean.imag], 1)
    images.planes[:] += coefficients(rng.standard_normal((n, BOX, BOX), np.float32), band)
    return Planted(images, amplitude * shapes(), cls, psi, shift, np.ones((1, 21)))


@pytest.fixture(scope="session")
def planted() -> Planted:
    return plant()
