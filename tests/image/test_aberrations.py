"""Aberrations: what they do to images, and how images are made straight."""

import numpy as np
import pytest

from spa.image.aberrations import Aberrations, coma, moved_defocus, summed
from spa.image.ctf import Lens, chi_basis, chi_terms, phase, wavelength
from spa.image.disc import disc
from spa.image.straight import Demodulator, bent_poses, magnifications, offsets, seen_through
from spa.model.poses import matrices
from spa.search.images import ramps
from spa.simulate.optics import Defocus, draw_views
from spa.simulate.particles import clean_images
from spa.simulate.specimen import of_phantom
from spa.volume.slices import reference, slices

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


def test_slices_at_stretched_poses_are_images_that_optics_have_bent() -> None:
    """With the CTF at the true frequencies; odd aberrations are taken off the images."""
    specimen = of_phantom(BOX, PIXEL, "C1", 60.0, np.random.default_rng(2))
    rng = np.random.default_rng(3)
    poses, origins = matrices(*draw_views(N, rng).T), rng.normal(0, 4, (N, 2))
    u, v, angle = (np.array([value] * N) for value in (15000.0, 14000.0, 0.5))
    images = clean_images(specimen, poses, origins, LENS, Defocus(u, v, angle), BOX, PIXEL, aberrations=BENT)
    band = disc(BOX, 24)
    found = Demodulator(band, PIXEL, (BENT,)).coefficients(images, np.zeros(N, np.int64))
    seen = seen_through(BENT, band, PIXEL)
    cut = slices(reference(specimen.volume, 24), bent_poses(poses, np.zeros(N, int), [BENT]), band.kx, band.ky)
    chi = chi_terms(LENS, u, v, angle, np.zeros(N)) @ chi_basis(seen.qx, seen.qy) + seen.offset
    wanted = (cut[:, 0] + 1j * cut[:, 1]) * np.sin(chi) * ramps(origins / PIXEL, band.kx, band.ky, BOX)
    left = np.abs(found[:, 0] + 1j * found[:, 1] - wanted)
    assert np.sqrt((left**2).mean() / (np.abs(wanted) ** 2).mean()) < 0.05  # what linear slices leave
    fine = band.shell > 15
    plain = slices(reference(specimen.volume, 24), poses, band.kx, band.ky)
    assert ((cut - plain)[:, 0, fine] ** 2).mean() > 0.003 * (cut[:, 0, fine] ** 2).mean()


@pytest.mark.parametrize("bent", [0, 1])
def test_each_group_has_its_own(bent: int) -> None:
    images = np.random.default_rng(4).standard_normal((6, 32, 32)).astype(np.float32)
    band, group = disc(32, 12), np.array([0, 1, 1, 0, 1, 0])
    mine = [Aberrations(), BENT] if bent else [Aberrations((1.0, 50.0)), BENT]
    found = Demodulator(band, PIXEL, tuple(mine)).coefficients(images, group)
    for number, one in enumerate(mine):
        rows = group == number
        alone = Demodulator(band, PIXEL, (one,)).coefficients(images[rows], np.zeros(rows.sum(), np.int64))
        np.testing.assert_allclose(found[rows], alone, atol=1e-5)


def test_offsets_are_there_where_a_group_has_even_aberrations() -> None:
    band = disc(32, 12)
    assert offsets([Aberrations((1.0,))], band, PIXEL) is None
    both = offsets([Aberrations(), BENT], band, PIXEL)
    assert both is not None and not both[0].any() and both[1].any()


def test_groups_without_distortion_have_no_magnifications() -> None:
    assert magnifications([Aberrations((1.0,))]) is None
    both = magnifications([Aberrations(), BENT])
    assert both is not None
    np.testing.assert_allclose(both, [np.eye(2), np.array(M).reshape(2, 2)])
