"""A small pseudo-symmetric set whose poses are known up to the group."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from spa.image.ctf import Lens, chi_terms
from spa.image.disc import coefficients, disc
from spa.refine.data import Images
from spa.simulate.odd import with_odd_unit
from spa.simulate.optics import Defocus
from spa.simulate.particles import clean_images, noise_level
from spa.simulate.specimen import made
from spa.volume.symmetry import operators

BOX, PIXEL, DIAMETER = 40, 5.0, 150.0


@dataclass(frozen=True, eq=False)
class Puzzle:
    """images; poses (n, 3, 3) = true poses @ the inverse of the turn (n,) that is to be found; truth (n, 3, 3)."""

    images: Images
    truth: np.ndarray
    poses: np.ndarray
    turn: np.ndarray
    turns: np.ndarray
    volume: np.ndarray
    unit: np.ndarray
    noise: np.ndarray

    def right(self, found: np.ndarray) -> float:
        """Share of images whose copy (n,) is the right one, for the best of all frames."""
        poses = self.poses @ self.turns[found]
        away = [np.einsum("nij,nij->n", poses, self.truth @ turn) for turn in self.turns]
        return float(max((trace > 2.9).mean() for trace in away))


@pytest.fixture(scope="session")
def puzzle() -> Callable[..., Puzzle]:
    """puzzle(group, odd=True, count=600, snr=0.5, seed=0)"""

    def make(group: str, odd: bool = True, count: int = 600, snr: float = 0.5, seed: int = 0) -> Puzzle:
        rng = np.random.default_rng(seed)
        turns = operators(group)
        specimen = made(None, BOX, PIXEL, group, DIAMETER, rng)
        unit = np.ones(specimen.volume.shape, np.float32)
        if odd:
            specimen, unit = with_odd_unit(specimen, turns, "missing")
        truth = np.linalg.qr(rng.standard_normal((count, 3, 3)))[0]
        truth *= np.linalg.det(truth)[:, None, None]
        u = rng.uniform(8000, 20000, count)
        lens, defocus = Lens(300.0, 2.7, 0.1), Defocus(u, u - 200, rng.uniform(0, np.pi, count))
        clean = clean_images(specimen, truth, np.zeros((count, 2)), lens, defocus, BOX, PIXEL)
        sigma = noise_level(clean, DIAMETER / PIXEL, snr)
        pixels = (clean / sigma + rng.standard_normal(clean.shape)).astype(np.float32)
        band = disc(BOX, BOX // 2 - 1)
        many = [np.full(count, value) for value in (300.0, 2.7, 0.1)]
        chi = chi_terms(Lens(*many), defocus.u, defocus.v, defocus.angle, np.zeros(count))  # type: ignore[arg-type]
        images = Images(band, PIXEL, coefficients(pixels, band), chi, np.zeros(count), np.zeros(count, int),
                        np.arange(count) % 2)  # fmt: skip
        turn = rng.integers(len(turns), size=count)
        poses = truth @ np.swapaxes(turns[turn], -1, -2)
        noise = np.ones((1, band.radius + 1))
        return Puzzle(images, truth, poses, turn, turns, specimen.volume / np.float32(sigma), unit, noise)

    return make
