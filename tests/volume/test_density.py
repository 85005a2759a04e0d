"""Density of atoms: closed forms, no aliasing, the right ice."""

import numpy as np
import pytest

from spa.image import fft
from spa.volume.density import centred, density, in_ice
from spa.volume.shells import radii

SCATTERING = np.array([[[1.5, 0.6], [8.0, 40.0]], [[2.0, 0.3], [1.0, 12.0]]])  # two kinds, two terms


def made(positions: list[list[float]], bfactors: list[float], box: int = 32, pixel_size: float = 2.0) -> np.ndarray:
    n = len(positions)
    kinds = np.arange(n) % 2
    return density(np.array(positions, float), np.array(bfactors), np.ones(n), kinds, SCATTERING, box, pixel_size)


@pytest.mark.parametrize("pixel_size", [0.8, 2.0, 5.0])
def test_the_transform_of_an_atom_is_its_scattering_factor(pixel_size: float) -> None:
    box, bfactor = 32, 50.0
    spectrum = fft.rfft3(np.roll(made([[0, 0, 0]], [bfactor], box, pixel_size), (-(box // 2),) * 3, (0, 1, 2)))
    k2 = (radii(box) / (box * pixel_size)) ** 2
    factor = 1.5 * np.exp(-(8 + bfactor) / 4 * k2) + 0.6 * np.exp(-(40 + bfactor) / 4 * k2)
    inside = radii(box) < box / 2 - 1
    got = spectrum * pixel_size**3
    assert np.abs(got - factor)[inside].max() < 2e-3 * factor.max()


def test_an_atom_anywhere_is_a_shifted_atom() -> None:
    """A shift is a phase: nothing depends on where the atom lies between grid points."""
    box, pixel_size, shift = 32, 2.0, np.array([3.3, -7.9, 5.1])
    at_origin, moved = (fft.rfft3(made([p], [30.0])) for p in ([0.0, 0.0, 0.0], list(shift)))
    kx = np.fft.rfftfreq(box, pixel_size)
    k = np.fft.fftfreq(box, pixel_size)
    phase = np.exp(-2j * np.pi * (kx * shift[0] + k[:, None] * shift[1] + k[:, None, None] * shift[2]))
    assert np.abs(moved - at_origin * phase).max() < 2e-3 * np.abs(at_origin).max()


def test_atoms_add_up() -> None:
    both = made([[5, 0, 0], [-6, 3, 1]], [20, 60])
    first = made([[5, 0, 0]], [20])
    second = density(np.array([[-6.0, 3, 1]]), np.array([60.0]), np.ones(1), np.array([1]), SCATTERING, 32, 2.0)
    assert np.abs(both - first - second).max() < 2e-3 * both.max()


def test_occupancy_scales() -> None:
    arguments = np.zeros((1, 3)), np.array([30.0])
    whole, half = (density(*arguments, np.array([o]), np.array([0]), SCATTERING, 32, 2.0) for o in (1.0, 0.5))
    assert np.allclose(half, whole / 2, atol=1e-6)


def test_ice_lowers_the_contrast_at_low_resolution_only() -> None:
    carbon = np.array([[[0.1, 0.25, 0.75, 1.05, 0.36], [0.25, 1.7, 6.4, 18.6, 50.0]]])
    wet = in_ice(carbon, ["C"])
    f = [(s[0] * np.exp(-s[1] / 4 * k**2)).sum() for k in (0.0, 0.5) for s in (carbon[0], wet[0])]
    assert 0 < f[1] < 0.6 * f[0]
    assert f[3] == pytest.approx(f[2], rel=0.01)


def test_centring_is_by_weight() -> None:
    moved = centred(np.array([[1.0, 0, 0], [4, 0, 0]]), np.array([2.0, 1.0]))
    assert np.allclose(moved, [[-1, 0, 0], [2, 0, 0]])
