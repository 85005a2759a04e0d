"""Micrographs: particles where they are said to be, dark, with Thon rings that follow the CTF."""

from dataclasses import replace

import numpy as np
import pytest

from spa.image.ctf import Lens, ctf
from spa.model.poses import matrices
from spa.simulate import junk
from spa.simulate.micrographs import MEAN, SPREAD, Film, Scene, exposed, placed
from spa.simulate.optics import Defocus, draw_views
from spa.simulate.specimen import Specimen, of_phantom

PIXEL = 4.0
LENS = Lens(300.0, 2.7, 0.1)
DEFOCUS = Defocus(np.array([18000.0]), np.array([17000.0]), np.array([0.7]))


@pytest.fixture(scope="module")
def specimen() -> Specimen:
    return of_phantom(40, PIXEL, "C1", 100.0, np.random.default_rng(0))


def film(specimen: Specimen, **changed: float) -> Film:
    return replace(Film((200, 240), PIXEL, float(specimen.volume.max()) * 8, 0.2, 0.0), **changed)


def shot(
    specimen: Specimen, points: np.ndarray, seed: int = 1, changed: dict | None = None, drift: float = 0.0, **more
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    poses = matrices(*draw_views(len(points), rng).T)
    scene = Scene(points, poses, **more)
    return exposed(specimen, scene, LENS, DEFOCUS, film(specimen, **(changed or {})), rng, drift)


def test_points_keep_their_distance_and_their_margin() -> None:
    points = placed(60, (300, 400), 25.0, 12.0, np.random.default_rng(0))
    apart = np.linalg.norm(points[:, None] - points, axis=2) + 1e9 * np.eye(len(points))
    assert len(points) == 60 and apart.min() >= 25
    assert points.min() >= 12 and points[:, 0].max() <= 399 - 12 and points[:, 1].max() <= 299 - 12


def test_no_more_are_placed_than_there_is_room_for() -> None:
    assert 3 < len(placed(1000, (100, 100), 30.0, 5.0, np.random.default_rng(0))) < 20
    assert len(placed(5, (20, 20), 5.0, 15.0, np.random.default_rng(0))) == 0


def test_grey_levels_are_those_of_the_noise(specimen: Specimen) -> None:
    image = shot(specimen, np.empty((0, 2)))
    assert image.dtype == np.float32 and image.shape == (200, 240)
    assert image.mean() == pytest.approx(MEAN, abs=0.5)
    assert image.std() == pytest.approx(SPREAD, rel=0.03)


def test_particles_are_dark_and_where_they_are_said_to_be(specimen: Specimen) -> None:
    points = np.array([[60.0, 50.0], [170.0, 140.0]])
    quiet = {"noise": float(specimen.volume.max()) / 50, "ice": 0.0}
    image = shot(specimen, points, changed=quiet) - shot(specimen, np.empty((0, 2)), changed=quiet)
    y, x = np.ogrid[:200, :240]
    for px, py in points:
        assert image[np.hypot(x - px, y - py) < 10].mean() < -5 * abs(image[np.hypot(x - px, y - py) > 100].mean())


def test_the_ice_carries_the_ctf_and_the_rest_does_not(specimen: Specimen) -> None:
    """The mean spectrum of many exposures is shot noise plus ice times CTF^2, in the share that was asked for.

    CTF^2 as a cut-out shows it: its correlation at each lag, in the share of pairs that lie inside.
    """
    kx, ky = np.fft.rfftfreq(480, PIXEL)[None], np.fft.fftfreq(400, PIXEL)[:, None]
    lags = np.fft.irfft2(ctf(LENS, kx, ky, 18000.0, 17000.0, 0.7) ** 2, (400, 480))
    pairs = [1 - np.abs(np.fft.fftfreq(2 * n, 1 / (2 * n))) / n for n in (200, 240)]
    squared = np.fft.rfft2(lags * np.outer(*pairs)).real[::2, ::2]
    spectra = [np.abs(np.fft.rfft2(shot(specimen, np.empty((0, 2)), seed) - MEAN)) ** 2 for seed in range(30)]
    power = np.mean(spectra, 0) / (200 * 240 * SPREAD**2)
    slope, level = np.polyfit(squared.ravel()[1:], power.ravel()[1:], 1)
    assert level == pytest.approx(0.8, abs=0.02)
    assert slope * squared.mean() == pytest.approx(0.2, abs=0.02)


def test_drift_takes_the_rings_away(specimen: Specimen) -> None:
    kx, ky = np.fft.rfftfreq(240, PIXEL)[None], np.fft.fftfreq(200, PIXEL)[:, None]
    squared = ctf(LENS, kx, ky, 18000.0, 17000.0, 0.7) ** 2
    fine = np.broadcast_to(kx**2 + ky**2, squared.shape) > (1 / 14) ** 2

    def seen(drift: float) -> float:
        powers = [np.abs(np.fft.rfft2(shot(specimen, np.empty((0, 2)), seed, drift=drift))) ** 2 for seed in range(10)]
        return float(np.corrcoef(np.mean(powers, 0)[fine], squared[fine])[0, 1])

    assert seen(0.0) > 2.5 * abs(seen(60.0))


def test_ice_crystals_are_dark(specimen: Specimen) -> None:
    quiet = {"noise": float(specimen.volume.max()), "ice": 0.0}
    drawn = [junk.drawn(0.0, 0, count, (200, 240), PIXEL, np.random.default_rng(2)) for count in (0, 3)]
    clean, dirty = (shot(specimen, np.empty((0, 2)), changed=quiet, junk=one) for one in drawn)
    darker = (dirty < MEAN - 3 * SPREAD).sum() - (clean < MEAN - 3 * SPREAD).sum()
    assert darker > 50


def test_a_particle_over_the_edge_is_cut_and_does_not_wrap(specimen: Specimen) -> None:
    quiet = {"noise": float(specimen.volume.max()) / 50, "ice": 0.0}
    image = shot(specimen, np.array([[2.0, 100.0]]), changed=quiet)
    image = image - shot(specimen, np.empty((0, 2)), changed=quiet)
    assert np.abs(image[60:140, :20]).max() > 4 * np.abs(image[60:140, 150:200]).max()


def test_carbon_is_darker_and_covers_its_share(specimen: Specimen) -> None:
    found = junk.drawn(0.3, 0, 0, (200, 240), PIXEL, np.random.default_rng(3))
    assert found.carbon is not None
    image = shot(specimen, np.empty((0, 2)), junk=found)
    cover = found.carbon > 0.5
    assert cover.mean() == pytest.approx(0.3, abs=0.02)
    assert image[cover].mean() < image[~cover].mean() - 2
    mask = junk.mask(found, 10.0, (200, 240))
    assert mask is not None and (mask == cover).all()


def test_junk_has_no_particles_on_it() -> None:
    found = junk.drawn(0.3, 2, 2, (400, 400), PIXEL, np.random.default_rng(4))
    points = placed(400, (400, 400), 10.0, 5.0, np.random.default_rng(5))
    kept = points[junk.clear(found, points, 8.0)]
    assert 5 < len(kept) < len(points)
    away = np.hypot(*np.moveaxis(kept[:, None] - np.vstack([found.lumps, found.crystals[:, :2]]), -1, 0))
    assert away.min() > 8
    mask = junk.mask(found, 12.0, (400, 400))
    assert mask is not None and not mask[tuple(np.rint(kept[:, ::-1]).astype(int).T)].any()


def test_lumps_lie_about_their_middles_and_on_the_micrograph() -> None:
    found = junk.drawn(0.0, 30, 0, (400, 400), PIXEL, np.random.default_rng(6))
    points = junk.members(found, 20.0, (400, 400), np.random.default_rng(7))
    assert (points >= 0).all() and (points < 400).all()
    nearest = np.linalg.norm(points[:, None] - found.lumps, axis=2).min(1)
    assert 5 < nearest.mean() < 20 and 8 * 30 < len(points) <= 16 * 30
    assert junk.mask(junk.drawn(0.0, 0, 0, (40, 40), PIXEL, np.random.default_rng(6)), 20.0, (40, 40)) is None


def test_a_particle_deep_in_the_ice_is_seen_at_its_own_defocus(specimen: Specimen) -> None:
    """In a thick slab, the image of a particle at a depth is that of a thin one whose defocus is as much more."""
    from spa.simulate.slab import Slab, slices

    quiet = {"noise": float(specimen.volume.max()) / 50, "ice": 0.0}
    point, thick = np.array([[120.0, 100.0]]), Slab(thickness=2000.0)
    deeper = [depth for depth, _ in slices(thick, (200, 240), PIXEL)][-1]
    moved = Defocus(DEFOCUS.u + deeper, DEFOCUS.v + deeper, DEFOCUS.angle)
    deep, flat, middle = (
        exposed(specimen, Scene(point, np.eye(3)[None], np.array([depth]), slab), LENS, at, film(specimen, **quiet),
                np.random.default_rng(1))[60:140, 80:160]
        for depth, slab, at in ((deeper, thick, DEFOCUS), (0.0, Slab(), moved), (0.0, Slab(), DEFOCUS))
    )  # fmt: skip
    assert np.corrcoef(deep.ravel(), flat.ravel())[0, 1] > 0.97
    assert np.corrcoef(deep.ravel(), middle.ravel())[0, 1] < np.corrcoef(deep.ravel(), flat.ravel())[0, 1] - 0.02


def test_the_ice_has_a_ring(specimen: Specimen) -> None:
    fine = {"pixel_size": 1.5}
    spectra = [
        np.abs(np.fft.rfft2(shot(specimen, np.empty((0, 2)), changed=fine, ice_ring=ring) - MEAN)) ** 2
        for ring in (0.0, 10.0)
    ]
    k = np.hypot(np.fft.fftfreq(200, 1.5)[:, None], np.fft.rfftfreq(240, 1.5)[None])
    on, off = np.abs(k - 1 / 3.67) < 0.004, (k > 0.15) & (k < 0.24)
    plain, ringed = (one[on].mean() / one[off].mean() for one in spectra)
    assert ringed > 2 * plain
