"""Aberrations: what they do to images, and how images are made straight."""

import numpy as np
import pytest

from spa.image.aberrations import Aberrations, coma, moved_defocus, summed
from spa.image.ctf import Lens, phase, wavelength
from spa.image.disc import coefficients, disc
from spa.image.straight import Straightener, bent_shifts, offsets, sampled, straight_shifts
from spa.model.poses import matrices
from spa.simulate.optics import Defocus, draw_views
from spa.simulate.particles import clean_images
from spa.simulate.specimen import of_phantom

BOX, PIXEL, N = 64, 3.0, 4
LENS = Lens(300.0, 2.7, 0.1)
M = (1.012, 0.004, -0.003, 0.99)
BENT = Aberrations((5.0, -9.0, 40.0, 30.0, -60.0, 25.0), (0.1, 2.0, 0.0, -3.0, 50.0, 0.0, 80.0), M)
Q = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 40))


def test_a_beam_tilt_is_coma() -> None:
    tilt = (0.4, -0.3)
    seen = Aberrations(coma(tilt, 2.7, 300.0))
    angle = 1e-3 * (tilt[0] * Q[0] + tilt[1] * Q[1])
    expected = -2 * np.pi * 2.7e7 * wavelength(300.0) ** 2 * (Q**2).sum(0) * angle
    np.testing.assert_allclose(seen.phase(*Q), expected, atol=1e-12)


def test_more_cs_is_an_even_aberration() -> None:
    """6 r^4 - 6 r^2 + 1 with its lower orders taken off is r^4, which is what Cs does."""
    size = np.pi / 2 * 1e6 * wavelength(300.0) ** 3  # of 0.1 mm
    seen = Aberrations(even=(size / 3, 0, size / 2, 0, 0, 0, size / 6))
    arguments = (*Q, 12000.0, 11000.0, 0.3, 0.0)
    np.testing.assert_allclose(
        phase(LENS, *arguments) + seen.offset(*Q), phase(Lens(300.0, 2.8, 0.1), *arguments), atol=1e-9
    )


def test_a_defocus_moved_says_at_the_true_frequency_what_it_said_at_the_image_s() -> None:
    plain = Lens(300.0, 0.0, 0.1)
    matrix = np.array(M).reshape(2, 2)
    given = np.array([12000.0]), np.array([11000.0]), np.array([0.4])
    u, v, angle = moved_defocus(*given, matrix)
    assert u > v
    np.testing.assert_allclose(phase(plain, *(matrix @ Q), u, v, angle, 0), phase(plain, *Q, *given, 0), atol=1e-9)


def test_coefficients_add_up_at_any_length() -> None:
    assert summed((1.0, 2.0), (), (1.0, 1.0, 1.0)) == (2.0, 3.0, 1.0)
    assert summed() == ()


def test_sampling_is_the_transform_where_the_coefficients_would_have_been() -> None:
    images = np.random.default_rng(1).standard_normal((2, 32, 32)).astype(np.float32)
    band = disc(32, 15)
    qx, qy = np.linalg.inv(np.array(M).reshape(2, 2)) @ np.stack([band.kx, band.ky])
    y, x = np.mgrid[:32, :32] - 16
    waves = np.exp(-2j * np.pi / 32 * (qx[:, None] * x.ravel() + qy[:, None] * y.ravel()))
    exact = waves @ images.reshape(2, -1).T / 32
    found = sampled(images, band, M)
    np.testing.assert_allclose(found[:, 0] + 1j * found[:, 1], exact.T, atol=2e-4)
    np.testing.assert_allclose(sampled(images, band, (1.0, 0.0, 0.0, 1.0)), coefficients(images, band), atol=2e-4)


def test_straight_images_are_those_of_straight_optics() -> None:
    """With distortion and odd aberrations undone, and the particle where `straight_shifts` says it is."""
    specimen = of_phantom(BOX, PIXEL, "C1", 60.0, np.random.default_rng(2))
    rng = np.random.default_rng(3)
    poses, origins = matrices(*draw_views(N, rng).T), rng.normal(0, 4, (N, 2))
    defocus = Defocus(*(np.array([value] * N) for value in (4000.0, 3500.0, 0.5)))
    bent = clean_images(specimen, poses, origins, LENS, defocus, BOX, PIXEL, aberrations=BENT)
    group = np.zeros(N, np.int64)
    shifts = straight_shifts(-origins / PIXEL, group, [BENT])
    np.testing.assert_allclose(bent_shifts(shifts, group, [BENT]), -origins / PIXEL)
    even = Aberrations(even=BENT.even)
    plain = clean_images(specimen, poses, -shifts * PIXEL, LENS, defocus, BOX, PIXEL, aberrations=even)
    band = disc(BOX, 24)
    found = Straightener(band, PIXEL, (BENT,)).coefficients(bent, group)
    wanted = coefficients(plain, band)
    left = np.sqrt(((found - wanted) ** 2).mean() / (wanted**2).mean())
    assert left < 0.02  # what reaches over an edge comes in at the other, and bent images have other edges
    assert np.sqrt(((coefficients(bent, band) - wanted) ** 2).mean() / (wanted**2).mean()) > 0.2


@pytest.mark.parametrize("bent", [0, 1])
def test_each_group_has_its_own(bent: int) -> None:
    images = np.random.default_rng(4).standard_normal((6, 32, 32)).astype(np.float32)
    band, group = disc(32, 12), np.array([0, 1, 1, 0, 1, 0])
    mine = [Aberrations(), BENT] if bent else [Aberrations((1.0, 50.0)), BENT]
    found = Straightener(band, PIXEL, tuple(mine)).coefficients(images, group)
    for number, one in enumerate(mine):
        rows = group == number
        alone = Straightener(band, PIXEL, (one,)).coefficients(images[rows], np.zeros(rows.sum(), np.int64))
        np.testing.assert_allclose(found[rows], alone, atol=1e-5)


def test_offsets_are_there_where_a_group_has_even_aberrations() -> None:
    band = disc(32, 12)
    assert offsets([Aberrations((1.0,))], band, PIXEL) is None
    both = offsets([Aberrations(), BENT], band, PIXEL)
    assert both is not None and not both[0].any() and both[1].any()
