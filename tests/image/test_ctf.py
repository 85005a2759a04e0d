"""The CTF's convention: its sign, its zeros, its angle; and RELION's own images as the judge of them."""

import numpy as np
import pytest

from spa.image.ctf import Lens, chi_basis, chi_terms, ctf, phase, wavelength
from spa.image.fft import rfft2

LENS = Lens(300.0, 2.7, 0.1)


def along(direction: float, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return k * np.cos(direction), k * np.sin(direction)


@pytest.mark.parametrize(("voltage", "expected"), [(100, 0.03701), (200, 0.02508), (300, 0.01969)])
def test_wavelength_is_the_relativistic_one(voltage, expected):
    assert wavelength(voltage) == pytest.approx(expected, abs=1e-5)


def test_it_starts_at_the_amplitude_contrast_and_grows_with_underfocus():
    k = np.array([0.0, 0.01])
    value = ctf(LENS, k, 0 * k, 15000.0, 15000.0, 0.0)
    assert value[0] == pytest.approx(0.1)
    assert value[1] > value[0]


def test_its_zeros_lie_where_the_phase_is_a_multiple_of_pi():
    defocus, lam = 20000.0, wavelength(300)
    for n in range(1, 6):
        # -Cs lam^3 k^4 / 2 + lam df k^2 + (asin(Q) / pi - n) = 0, solved for k^2
        a, b, c = -0.5 * 2.7e7 * lam**3, lam * defocus, np.arcsin(0.1) / np.pi - n
        k = np.sqrt((-b + np.sqrt(b * b - 4 * a * c)) / (2 * a))
        assert ctf(LENS, k, 0.0, defocus, defocus, 0.0) == pytest.approx(0, abs=1e-9)


def test_defocus_u_holds_along_its_angle_from_x_and_v_across_it():
    k, angle = np.linspace(0.01, 0.3, 50), np.radians(35)
    for direction, defocus in ((angle, 21000.0), (angle + np.pi / 2, 18000.0)):
        seen = phase(LENS, *along(direction, k), 21000.0, 18000.0, angle, 0.0)
        np.testing.assert_allclose(seen, phase(LENS, k, 0 * k, defocus, defocus, 0.0, 0.0))


def test_a_phase_shift_adds_to_the_phase():
    k = np.linspace(0, 0.3, 50)
    shifted = phase(LENS, k, 0 * k, 1e4, 1e4, 0.0, 1.1)
    np.testing.assert_allclose(shifted - phase(LENS, k, 0 * k, 1e4, 1e4, 0.0, 0.0), 1.1)


def test_a_b_factor_is_a_gaussian_over_it():
    k = np.linspace(0, 0.3, 50)
    plain = ctf(LENS, k, 0 * k, 1e4, 1e4, 0.0)
    np.testing.assert_allclose(ctf(LENS, k, 0 * k, 1e4, 1e4, 0.0, bfactor=80.0), plain * np.exp(-20 * k**2))


def test_the_matrix_form_is_the_same_ctf():
    rng = np.random.default_rng(0)
    kx, ky = rng.uniform(-0.3, 0.3, (2, 40))
    u, v, angle, shift = rng.uniform((5000, 4000, 0, 0), (30000, 29000, 3, 2), (6, 4)).T
    terms = chi_terms(LENS, u, v, angle, shift)
    expected = [phase(LENS, kx, ky, *each) for each in zip(u, v, angle, shift)]
    np.testing.assert_allclose(terms @ chi_basis(kx, ky), expected, atol=1e-9)


@pytest.fixture(scope="module")
def relion(shared_data):
    """RELION's images over RELION's poses: X conj(P) (n, K) of 400 particles, kx, ky (K,), U, V and angle (n,)."""
    from spa.io import mrc, star
    from spa.model.particles import particles_of
    from spa.model.poses import matrices
    from spa.volume.transform import projections, transform

    folder = shared_data / "sim/groel"
    truth = particles_of(star.read(folder / "truth.star"))
    images = np.asarray(mrc.read(folder / "particles.mrcs").data[:400], np.float32)
    volume = mrc.read(folder / "truth.mrc")
    kx, ky = np.broadcast_arrays(np.fft.rfftfreq(96, 2.5)[None], np.fft.fftfreq(96, 2.5)[:, None])
    spectra = rfft2(np.fft.ifftshift(images, axes=(1, 2)))
    poses = matrices(*truth.euler[:400].T)
    origin = truth.origin[:400]  # angstroms; the particle sits at minus the origin
    centred = spectra * np.exp(-2j * np.pi * (kx * origin[:, 0, None, None] + ky * origin[:, 1, None, None]))
    explained = projections(transform(np.asarray(volume.data, np.float32), 2.5), poses, 96, 2.5)
    k = np.hypot(kx, ky)
    use = (k > 0.02) & (k < 0.15) & (kx > 0)
    product = (centred * explained.conj()).real[:, use]
    return product, kx[use], ky[use], truth.defocus_u[:400], truth.defocus_v[:400], truth.defocus_angle[:400]


def test_the_ctf_of_relions_images_has_our_sign_from_the_lowest_frequency_on(relion):
    product, kx, ky, u, v, angle = relion
    model = np.stack([ctf(LENS, kx, ky, *each) for each in zip(u, v, angle)])
    k = np.hypot(kx, ky)
    for low in np.arange(0.02, 0.14, 0.02):
        band = (k >= low) & (k < low + 0.02)
        agreement = product[:, band] * model[:, band]
        assert agreement.sum() > 4 * np.sqrt((agreement**2).sum())


def test_the_astigmatism_of_relions_images_is_ours_and_not_its_mirror_or_its_cross(relion):
    product, kx, ky, u, v, angle = relion

    def model(angle: np.ndarray) -> np.ndarray:
        return np.stack([ctf(LENS, kx, ky, *each) for each in zip(u, v, angle)])

    for wrong in (-angle, angle + np.pi / 2):
        difference = model(angle) - model(wrong)
        noise = np.sqrt(((difference * product) ** 2).sum())
        assert (difference * product).sum() > 4 * noise
