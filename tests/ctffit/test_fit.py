"""Planted rings are found, rings that are not there are not."""

import numpy as np
import pytest

from spa.ctffit.fit import Fit, fit_ctf
from spa.ctffit.quality import CERTAIN, UNSURE
from spa.ctffit.refine import Defocus
from spa.ctffit.search import Bounds
from spa.errors import DataError
from spa.image.ctf import Lens

LENS = Lens(300.0, 2.7, 0.1)
BOUNDS = Bounds(30, 4)


def turned(found: float, planted: float) -> float:
    """Between two axes, degrees, at most 90."""
    return abs(float(np.degrees((found - planted + np.pi / 2) % np.pi - np.pi / 2)))


@pytest.fixture
def fitted(micrograph):
    """A function that plants rings and fits them."""

    def run(planted: Defocus, bounds: Bounds = BOUNDS, lens: Lens = LENS, pixel_size: float = 1.4, **more) -> Fit:
        image = micrograph(planted.u, planted.v, planted.angle, planted.phase_shift, lens, pixel_size, **more)
        return fit_ctf(image, pixel_size, lens, bounds)

    return run


@pytest.mark.parametrize("mean", [4000.0, 9000.0, 16000.0, 30000.0])
def test_defocus_is_found_to_50_angstroms(fitted, mean):
    fit = fitted(Defocus(mean + 100, mean - 100, 0.5, 0.0), signal=0.3, seed=int(mean))
    assert abs(fit.defocus.mean - mean) < 50
    assert fit.evidence > CERTAIN


@pytest.mark.parametrize("degrees", [5, 60, 115, 172])
def test_astigmatism_and_its_angle_from_x(fitted, degrees):
    planted = Defocus(15450.0, 14850.0, np.radians(degrees), 0.0)
    fit = fitted(planted, signal=0.3, seed=degrees)
    assert abs((fit.defocus.u - fit.defocus.v) - 600) < 80
    assert turned(fit.defocus.angle, planted.angle) < 5


def test_a_strong_astigmatism_is_not_taken_for_another_defocus(fitted):
    fit = fitted(Defocus(20600.0, 19400.0, 1.0, 0.0), signal=0.3)
    assert abs(fit.defocus.mean - 20000) < 50
    assert abs(fit.defocus.u - fit.defocus.v - 1200) < 100


def test_the_error_of_the_defocus_is_what_noise_makes_of_it(fitted):
    """A standard deviation: of weak rings larger than of strong ones, and larger where a phase shift is free."""
    planted = Defocus(15100.0, 14900.0, 0.4, 0.0)
    weak, strong = ([fitted(planted, signal=signal, seed=seed) for seed in range(8)] for signal in (0.06, 0.4))
    for fits in (weak, strong):
        off = np.array([(fit.defocus.mean - 15000) / fit.error for fit in fits])
        assert 0.3 < np.sqrt((off**2).mean()) < 2.5
    assert max(fit.error for fit in strong) < 0.6 * min(fit.error for fit in weak) < UNSURE
    freed = fitted(planted, Bounds(30, 4, phase_shift=(0.0, np.pi)), signal=0.4, seed=0)
    assert freed.error > 1.2 * strong[0].error


def test_a_phase_shift_is_found_when_asked(fitted):
    planted = Defocus(12100.0, 11900.0, 0.3, np.radians(70))
    bounds = Bounds(30, 4, phase_shift=(0.0, np.pi))
    fit = fitted(planted, bounds, signal=0.4)
    assert abs(np.degrees(fit.defocus.phase_shift) - 70) < 8
    assert abs(fit.defocus.mean - 12000) < 100


def test_a_known_phase_shift_is_kept(fitted):
    planted = Defocus(12100.0, 11900.0, 0.3, np.radians(70))
    fit = fitted(planted, Bounds(30, 4, phase_shift=(planted.phase_shift,) * 2), signal=0.3)
    assert fit.defocus.phase_shift == pytest.approx(planted.phase_shift)
    assert abs(fit.defocus.mean - 12000) < 50


def test_200_kv_and_a_small_pixel(fitted):
    lens = Lens(200.0, 2.0, 0.07)
    fit = fitted(Defocus(14100.0, 13900.0, 0.3, 0.0), lens=lens, pixel_size=0.8, size=2048, signal=0.4)
    assert abs(fit.defocus.mean - 14000) < 50


def test_a_defocus_outside_of_the_bounds_is_not_reported(fitted):
    fit = fitted(Defocus(30000.0, 30000.0, 0.0, 0.0), Bounds(30, 4, defocus=(5000, 20000)), signal=0.3)
    assert 4000 < fit.defocus.mean < 21000


def test_a_steady_hand_draws_weak_astigmatism_to_none(micrograph):
    image = micrograph(15100.0, 14900.0, 0.3, signal=0.05)
    loose, firm = (fit_ctf(image, 1.4, LENS, Bounds(30, 4, astigmatism=width)).defocus for width in (1000, 10))
    assert firm.u - firm.v < min(20.0, loose.u - loose.v)


def test_weak_rings_that_count_as_rings_are_in_the_right_place(fitted):
    fits = [fitted(Defocus(15100.0, 14900.0, 0.5, 0.0), signal=0.06, seed=seed) for seed in range(6)]
    sure = [fit for fit in fits if fit.evidence >= CERTAIN]
    assert min(fit.evidence for fit in fits) < 1.5 * CERTAIN and len(sure) >= 2
    assert all(abs(fit.defocus.mean - 15000) < 400 for fit in sure)


@pytest.mark.parametrize("seed", range(4))
def test_noise_without_rings_is_flagged_and_its_resolution_is_clearly_bad(fitted, seed):
    fit = fitted(Defocus(15000.0, 15000.0, 0.0, 0.0), signal=0.0, seed=seed)
    assert fit.evidence < CERTAIN
    assert fit.resolution == 30
    assert fit.figure_of_merit < 0.08


def test_uneven_particles_without_a_ctf_are_no_rings():
    rng = np.random.default_rng(5)
    size, pixel = 1280, 1.4
    k = np.hypot(np.fft.fftfreq(size, pixel)[:, None], np.fft.rfftfreq(size, pixel)[None])
    x = 2 * np.pi * k * 60 + 1e-6
    ball = 3 * (np.sin(x) - x * np.cos(x)) / x**3
    balls, noise = (np.fft.rfft2(rng.normal(size=(size, size))) for _ in range(2))
    image = np.fft.irfft2(30 * ball * balls + noise, s=(size, size))
    assert not fit_ctf(image.astype(np.float32), pixel, LENS, BOUNDS).evidence > CERTAIN


def test_the_resolution_follows_the_envelope(fitted):
    sharp, blurred = (fitted(Defocus(15000.0, 15000.0, 0.0, 0.0), signal=0.5, bfactor=b) for b in (40, 400))
    assert sharp.resolution < 4.5 < 6 < blurred.resolution < 20


def test_an_ice_ring_shows_and_its_lack_does_too(micrograph):
    image = micrograph(15000.0, 15000.0, 0.0, signal=0.2)
    k = np.hypot(np.fft.fftfreq(1536, 1.4)[:, None], np.fft.rfftfreq(1536, 1.4)[None])
    icy = np.fft.irfft2(np.fft.rfft2(image) * np.where(np.abs(k - 1 / 3.67) < 0.01, 1.6, 1.0), s=image.shape)
    plain, frozen = (fit_ctf(one.astype(np.float32), 1.4, LENS, BOUNDS).ice_ring for one in (image, icy))
    assert abs(plain) < 0.1
    assert frozen > 0.5


def test_an_ice_ring_beyond_nyquist_is_not_known(fitted):
    assert np.isnan(fitted(Defocus(15000.0, 15000.0, 0.0, 0.0), Bounds(30, 6), pixel_size=2.5, signal=0.3).ice_ring)


def test_the_picture_has_the_fit_on_its_left_and_agrees_with_its_right(fitted):
    fit = fitted(Defocus(10400.0, 9600.0, 0.7, 0.0), signal=1.0)
    box = len(fit.picture)
    ky, kx = np.mgrid[:box, :box] - box // 2
    radius = np.hypot(kx, ky)
    left = (kx < -2) & (radius > 40) & (radius < 110)
    mirror = fit.picture[-ky[left] + box // 2, -kx[left] + box // 2]
    assert np.corrcoef(fit.picture[left], mirror)[0, 1] > 0.5


def test_a_range_with_too_few_rings_is_refused(micrograph):
    image = micrograph(15000.0, 15000.0, 0.0, size=512)
    with pytest.raises(DataError, match="rings between"):
        fit_ctf(image, 1.4, LENS, Bounds(30, 20), box=256)
