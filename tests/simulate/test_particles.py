"""Particle images: shifts, CTF and noise as asked."""

import numpy as np
import pytest

from spa.image.ctf import Lens, ctf
from spa.model.poses import matrices
from spa.simulate.optics import Defocus, draw_defocus, draw_views
from spa.simulate.particles import clean_images, noise_level, signal_variance
from spa.simulate.specimen import Specimen, of_phantom
from spa.volume.transform import frequencies

BOX, PIXEL = 48, 3.0
LENS = Lens(300.0, 2.7, 0.1)


@pytest.fixture(scope="module")
def specimen() -> Specimen:
    return of_phantom(BOX, PIXEL, "C1", 90.0, np.random.default_rng(0))


def images(specimen: Specimen, origins: np.ndarray, u: float = 15000.0, v: float = 14000.0) -> np.ndarray:
    n = len(origins)
    poses = matrices(*draw_views(n, np.random.default_rng(1)).T)
    defocus = Defocus(np.full(n, u), np.full(n, v), np.full(n, 0.4))
    return clean_images(specimen, poses, origins, LENS, defocus, BOX, PIXEL)


def test_the_particle_sits_at_minus_the_origin(specimen: Specimen) -> None:
    still, moved = (images(specimen, np.array([origin])) [0] for origin in ([0.0, 0.0], [2 * PIXEL, -3 * PIXEL]))
    assert np.allclose(moved, np.roll(still, (3, -2), (0, 1)), atol=1e-3 * still.max())


def test_the_image_is_the_projection_times_the_ctf(specimen: Specimen) -> None:
    from spa.volume.transform import projections

    image = images(specimen, np.zeros((1, 2)))[0]
    poses = matrices(*draw_views(1, np.random.default_rng(1)).T)
    kx, ky = frequencies(BOX, PIXEL)
    expected = projections(specimen.source, poses, BOX, PIXEL)[0] * ctf(LENS, kx, ky, 15000.0, 14000.0, 0.4)
    got = np.fft.rfft2(np.roll(image, (-(BOX // 2),) * 2, (0, 1)))
    assert np.abs(got - expected).max() < 1e-4 * np.abs(expected).max()


def test_particles_are_white_in_the_middle(specimen: Specimen) -> None:
    mean = images(specimen, np.zeros((30, 2))).mean(0)
    middle = slice(BOX // 2 - 6, BOX // 2 + 6)
    assert mean[middle, middle].mean() > mean.mean() + mean.std()


def test_the_noise_level_gives_the_ratio(specimen: Specimen) -> None:
    clean = images(specimen, np.zeros((30, 2)))
    sigma = noise_level(clean, 30.0, 0.25)
    assert signal_variance(clean, 30.0) / sigma**2 == pytest.approx(0.25)


def test_defocus_is_drawn_within_its_range() -> None:
    drawn = draw_defocus(4000, 8000, 20000, 300.0, np.random.default_rng(0))
    mean = (drawn.u + drawn.v) / 2
    assert mean.min() >= 8000 and mean.max() <= 20000 and mean.mean() == pytest.approx(14000, rel=0.02)
    assert np.all(drawn.u >= drawn.v) and np.median(drawn.u - drawn.v) == pytest.approx(300, rel=0.05)
    assert drawn.angle.min() >= 0 and drawn.angle.max() <= np.pi


def test_views_are_uniform() -> None:
    views = draw_views(20000, np.random.default_rng(0))
    third = matrices(*views.T)[:, 2]
    assert np.abs(third.mean(0)).max() < 0.02
    assert np.allclose(np.einsum("ni,nj->ij", third, third) / len(third), np.eye(3) / 3, atol=0.01)
