"""Signal in images: projections, scales, windows."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spa.search.scale import BOUND, particle_scales, set_scale
from spa.subtract.views import agreement, images, signal, views
from spa.subtract.window import centre_of_mass, map_window, moved, windows
from spa.volume.masks import soft_sphere

BOX, PIXEL, N = 48, 4.0, 20


@pytest.fixture(scope="module")
def lump() -> np.ndarray:
    raw = gaussian_filter(np.random.default_rng(0).standard_normal((BOX,) * 3), 1.5)
    return (np.maximum(raw, 0) * soft_sphere(BOX, 13, 4)).astype(np.float32)


def seen(n: int = N, half: np.ndarray | None = None):
    rng = np.random.default_rng(1)
    u = rng.uniform(9000, 20000, n)
    lens = np.full(n, 300.0), np.full(n, 2.7), np.full(n, 0.1)
    poses = Rotation.random(n, random_state=2).as_matrix()
    return views(*lens, (u, u - 300, rng.uniform(0, 3, n)), np.zeros(n), np.zeros(n), poses, rng.normal(0, 2, (n, 2)),
                 np.zeros(n, int) if half is None else half)  # fmt: skip


def test_images_are_those_of_the_accurate_simulation(lump: np.ndarray) -> None:
    from types import SimpleNamespace

    from spa.image.ctf import Lens
    from spa.simulate.optics import Defocus
    from spa.simulate.particles import clean_images
    from spa.simulate.specimen import of_map

    who = seen()
    rng = np.random.default_rng(1)
    u = rng.uniform(9000, 20000, N)
    specimen = of_map(SimpleNamespace(data=lump, pixel_size=PIXEL, origin=(0.0, 0.0, 0.0)), BOX, PIXEL, "C1")
    exact = clean_images(specimen, who.poses, -who.shifts * PIXEL, Lens(300, 2.7, 0.1),
                         Defocus(u, u - 300, rng.uniform(0, 3, N)), BOX, PIXEL)  # fmt: skip
    found = images(signal([lump], PIXEL), who)
    assert np.linalg.norm(found - exact) < 0.03 * np.linalg.norm(exact)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), exact.mean(axis=(1, 2)), rtol=1e-3)


def test_each_half_sees_its_own_map(lump: np.ndarray) -> None:
    half = np.arange(N) % 2
    both = images(signal([lump, 3 * lump], PIXEL), seen(half=half))
    one = images(signal([lump], PIXEL), seen(half=half))
    np.testing.assert_allclose(both, one * (1 + 2 * half)[:, None, None], atol=1e-4 * np.abs(one).max())


def test_shells_have_factors_of_their_own_in_each_part(lump: np.ndarray) -> None:
    """Two parts blurred differently: the factors undo both blurs."""
    from spa.subtract.scale import shell_factors
    from spa.subtract.views import shell_products
    from spa.volume.shells import apply_radial

    half = (np.arange(BOX) < BOX // 2)[:, None, None]
    shells = np.arange(BOX // 2 + 1)
    blurs = [np.exp(-((shells / 12) ** 2)), 2 * np.exp(-((shells / 30) ** 2))]
    halves = [lump * half, lump * ~half]
    parts = [signal([apply_radial(one, blur)], PIXEL) for one, blur in zip(halves, blurs)]
    products = shell_products(parts, seen(), images(signal([lump], PIXEL), seen()))
    factors = shell_factors(*products, np.full(len(products[0]), 1e-8 * products[0].max()))
    for number, blur in enumerate(blurs):
        np.testing.assert_allclose(factors[3:18, number] * blur[3:18], 1, atol=0.15)


def test_scale_is_found_and_noise_does_not_widen_it(lump: np.ndarray) -> None:
    """Particles of one grey scale come out with one, however much noise each fit has."""
    n = 400
    who, rng = seen(n), np.random.default_rng(4)
    map_ = signal([lump], PIXEL)
    clean = images(map_, who)
    sigma = 4 * clean.std()
    weight = np.full((n, map_.band.radius + 1), 1 / sigma**2)
    for spread in (0.0, 0.3):
        true = 2 + spread * rng.standard_normal(n)
        noisy = (true[:, None, None] * clean + sigma * rng.standard_normal(clean.shape)).astype(np.float32)
        cross, norm = agreement([map_], who, noisy, weight)
        assert set_scale(cross, norm) == pytest.approx(2, abs=0.05)
        found, plain = particle_scales(cross, norm), cross / norm
        assert np.std(found - true) <= np.std(plain - true)
        assert np.std(found) < 0.05 if spread == 0 else np.corrcoef(found, true)[0, 1] > 0.8
        assert found.max() <= 2 * BOUND * 1.05 and found.min() >= 2 / BOUND * 0.95


def test_a_window_about_a_projected_point_shows_the_maps_window(lump: np.ndarray) -> None:
    """Cutting and projecting commute: images cut about a point of the map are images of the map cut about it."""
    centre, box = np.array([5.0, -4.0, 3.0]), 36
    small = lump * np.roll(soft_sphere(BOX, 5, 3), (3, -4, 5), (0, 1, 2))
    assert centre_of_mass(small).tolist() == pytest.approx(centre.tolist(), abs=1)
    who = seen()
    at = moved(who.poses, who.shifts, centre)
    offsets = np.rint(at)
    cut = windows(images(signal([small], PIXEL), who), offsets, box, box)
    window = map_window(small, centre, box, box, PIXEL)
    inner = who.take(np.arange(N))
    inner = replace(inner, shifts=at - offsets)
    direct = images(signal([window], PIXEL), inner)
    inside = (slice(None), slice(8, -8), slice(8, -8))
    a, b = cut[inside] - cut.mean(), direct[inside] - direct.mean()
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.97


def test_cropped_windows_keep_the_grey_scale_of_cropped_maps(lump: np.ndarray) -> None:
    """In larger pixels, too, a map's projection is what its images show."""
    window = map_window(lump, np.zeros(3), 40, 20, PIXEL)
    fine = map_window(lump, np.zeros(3), 40, 40, PIXEL).sum(axis=0)
    coarse = windows(fine[None], np.zeros((1, 2)), 40, 20)[0]
    a, b = coarse - coarse.mean(), window.sum(axis=0) - window.sum(axis=0).mean()
    assert (a * b).sum() / (b * b).sum() == pytest.approx(1, abs=0.03)


def test_windows_take_whole_pixels_and_go_round() -> None:
    image = np.arange(64.0, dtype=np.float32).reshape(1, 8, 8)
    assert windows(image, np.array([[1, -2]]), 4, 4)[0, 2, 2] == image[0, 2, 5]
    assert windows(image, np.array([[4, 0]]), 4, 4)[0, 2, 2] == image[0, 4, 0]
