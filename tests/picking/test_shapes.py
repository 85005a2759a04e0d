"""Spectra of shapes."""

import numpy as np
import pytest

from spa.picking.shapes import NAMES, family, hankel, make, projected_shell


def test_the_transform_of_a_disc_is_a_bessel_function():
    from scipy.special import j1

    radii = np.linspace(0, 50, 4000)
    k = np.array([0.004, 0.011, 0.02])
    assert hankel(np.ones_like(radii), radii, k) == pytest.approx(50 * j1(2 * np.pi * k * 50) / k, rel=1e-3, abs=1.0)


def test_the_transform_of_a_shell_is_that_of_its_picture():
    pixel, n = 2.0, 256
    y, x = (np.mgrid[:n, :n] - n // 2) * pixel
    picture = projected_shell(np.hypot(x, y), 60.0, 0.7)
    spectrum = np.fft.fft2(np.fft.ifftshift(picture)).real * pixel**2
    k = np.fft.fftfreq(n, pixel)
    shape = make("shell", 120.0, 10.0, hollow=0.7)
    low = k[1:20]
    assert shape.at(low) == pytest.approx(spectrum[0, 1:20], abs=0.02 * spectrum[0, 0])


def test_a_hollow_ball_holds_less_than_a_solid_one():
    radii = np.linspace(0, 70, 200)
    hollow, solid = projected_shell(radii, 60, 0.7), projected_shell(radii, 60)
    assert (hollow <= solid + 1e-9).all() and hollow[0] == pytest.approx(0.3 * solid[0])
    assert (solid[radii > 60] == 0).all()


def test_an_ellipse_has_its_round_shape_between_its_axes():
    kx, ky = np.array([0.01]), np.array([0.0])
    ellipse = make("ellipse", 100.0, 20.0, ratio=2.0)
    values = [float(s[0]) for s in ellipse.spectra(kx, ky)]
    assert len(values) == 12
    assert min(values) < float(make("ball", 100.0, 20.0).at(kx)[0]) < max(values)


def test_a_larger_shape_has_the_same_spectrum_at_lower_frequency():
    shape = make("ball", 100.0, 20.0)
    k = np.linspace(0, 0.03, 20)
    assert shape.scaled(1.5).diameter == 150
    assert shape.scaled(1.5).at(k / 1.5) == pytest.approx(shape.at(k), rel=1e-4, abs=1)


def test_nothing_is_kept_beyond_the_spectrum():
    assert make("disc", 100.0, 20.0).at(np.array([1.0]))[0] == pytest.approx(0, abs=50)


def test_the_family_spans_the_diameters():
    shapes = family(NAMES, 80, 160, 20)
    sizes = sorted({shape.diameter for shape in shapes})
    assert sizes[0] == 80 and sizes[-1] == pytest.approx(160) and max(np.diff(np.log(sizes))) < 0.11
    assert {shape.name for shape in shapes} == set(NAMES)
    assert len({shape.label for shape in shapes}) == len(shapes)


def test_one_diameter_is_one_diameter():
    assert [shape.diameter for shape in family(("ball",), 100, 100, 20)] == [100]


def test_the_log_is_largest_for_its_own_scale():
    """Scale-normalised: sigma^2 LoG of a Gaussian disc answers most at the diameter it is made for."""
    k = np.linspace(0.0005, 0.04, 800)
    blob = np.exp(-2 * (np.pi * 50 / np.sqrt(2) * k) ** 2)
    answers = [np.sum(make("log", d, 20).at(k) * (d / 2) ** 2 * blob * k) for d in (60, 100, 160)]
    assert np.argmax(answers) == 1


def test_spectra_that_are_kept_are_those_of_the_frequencies_asked_for() -> None:
    one, fresh = make("ellipse", 120, 20, ratio=1.5), make("ellipse", 120, 20, ratio=1.5)
    for size, pixel_size in ((40, 8.0), (40, 9.0), (48, 9.0), (48, 9.0)):
        kx, ky = np.fft.rfftfreq(size)[None] / pixel_size, np.fft.fftfreq(size)[:, None] / pixel_size
        np.testing.assert_array_equal(one.spectra(kx, ky), fresh._spectra(kx, ky))
