"""Tracks: their model and its adjoint, log-likelihoods in windows, and the likeliest of all."""

import numpy as np
import pytest

from spa.polish import training, weights
from spa.polish.correlate import agreement, joined, scores
from spa.polish.sums import Images
from spa.polish.tracks import Film, Model, Prior, followed
from spa.polish.training import Pair
from spa.polish.windows import LEVELS, Store, block

SIDE, RADIUS, FRAMES = 32, 12, 8
RNG = np.random.default_rng


def film(count: int, frames: int = FRAMES, spread: float = 1000.0) -> Film:
    return Film(RNG(3).uniform(0, spread, (count, 2)), 1.5 * np.arange(frames) + 0.75, 1.5)


def blob(shape: tuple[int, int], x: float, y: float) -> np.ndarray:
    """A particle of two unlike Gaussians."""
    v, u = np.mgrid[: shape[0], : shape[1]]
    one = np.exp(-((u - x - 2) ** 2 + (v - y) ** 2) / 4.0)
    return (one - 0.7 * np.exp(-((u - x + 3) ** 2 + (v - y - 2) ** 2) / 5.0)).astype(np.float32)


def test_pulling_is_the_adjoint_of_making_tracks() -> None:
    model = Model(film(5), Prior())
    vector, slope = RNG(0).standard_normal(model.size), RNG(1).standard_normal((5, FRAMES, 2))
    assert (model.tracks(vector) * slope).sum() == pytest.approx(vector @ model.pulled(slope), rel=1e-9)


def test_the_prior_s_gradient_is_that_of_its_cost() -> None:
    model = Model(film(4), Prior(0.3, 500, 0.2, 1.0))
    vector = RNG(0).standard_normal(model.size)
    value, slope = model.cost(vector)
    for place in (0, 9, model.size - 1):
        step = np.zeros(model.size)
        step[place] = 1e-5
        assert (model.cost(vector + step)[0] - value) / 1e-5 == pytest.approx(slope[place], rel=1e-3, abs=1e-3)


def test_neighbours_have_the_covariance_that_is_asked_for() -> None:
    """The first step of tracks, over many draws."""
    here = Film(np.array([[0.0, 0], [300, 0], [3000, 0]]), np.array([10.0, 11.0]), 1.0)
    model = Model(here, Prior(0.4, 300.0, 1.0, 0.0))
    draws = RNG(0).standard_normal((20000, model.size))
    steps = np.stack([np.diff(model.tracks(one), axis=1)[:, 0, 0] for one in draws])
    found = np.cov(steps.T) / 0.16
    apart = np.abs(here.points[:, None, 0] - here.points[None, :, 0])
    np.testing.assert_allclose(found, np.exp(-apart / 300), atol=0.05)


def store(places: np.ndarray, noise: float, rng: np.random.Generator, size: int = 40) -> tuple[Store, np.ndarray]:
    """Windows of one particle that lies at places (n, 2) in frames of noise; and what is expected in them."""
    band = block(SIDE, RADIUS)
    made = Store(band, 1, len(places))
    centre = np.array([[size // 2, size // 2]])
    for number, (x, y) in enumerate(places):
        frame = blob((size, size), size / 2 + x, size / 2 + y) + noise * rng.standard_normal((size, size))
        made.add(number, frame.astype(np.float32), centre)
    spectrum = np.fft.rfft2(np.fft.ifftshift(blob((SIDE, SIDE), SIDE // 2, SIDE // 2))) / SIDE
    rows = np.arange(-RADIUS, RADIUS + 1) % SIDE
    return made, spectrum[rows][:, : RADIUS + 1]


def table(made: Store, expected: np.ndarray, scale: float = 1.0):  # type: ignore[no-untyped-def]
    band = made.band
    weight = scale * made.whitening()[band.shell] * band.parts
    damage = np.ones((made.levels.shape[1], RADIUS + 2), np.float32)
    rest = np.zeros((made.levels.shape[1], 2))
    return scores(made.levels[0], expected.conj() * weight, damage, rest, band, 4.0, RADIUS)


def test_whitened_noise_has_the_variance_1() -> None:
    made = Store(block(SIDE, RADIUS), 30, 4)
    centres = RNG(1).integers(20, 80, (30, 2))
    for number in range(4):
        made.add(number, 7 * RNG(number).standard_normal((100, 100)).astype(np.float32), centres)
    white = made.levels.astype(np.float64) * made.whitening()[made.band.shell][..., None]
    power = (white**2).sum(-1)[..., made.band.parts > 0]
    assert power.mean() == pytest.approx(1, rel=0.02)
    assert np.abs(made.levels).max() > 3 * LEVELS


def test_scores_are_highest_where_the_particle_is_and_their_slopes_are_right() -> None:
    places = RNG(0).uniform(-2, 2, (3, 2))
    found = table(*store(places, 0.02, RNG(1)), 1.0)  # type: ignore[arg-type]
    top, _ = found(places[None])
    for away in RNG(2).normal(0, 1.0, (20, 3, 2)):
        assert found((places + away)[None])[0] < top
    at = places[None] + 0.7
    value, slope = found(at)
    for frame, axis in ((0, 0), (1, 1), (2, 0)):
        moved = at.copy()
        moved[0, frame, axis] += 1e-3
        assert (found(moved)[0] - value) / 1e-3 == pytest.approx(slope[0, frame, axis], rel=0.02, abs=0.02)


def test_beyond_the_grid_scores_are_flat() -> None:
    found = table(*store(np.zeros((2, 2)), 0.1, RNG(1)))  # type: ignore[arg-type]
    value, slope = found(np.full((1, 2, 2), 50.0))
    assert value == pytest.approx(found(np.full((1, 2, 2), 90.0))[0]) and not slope.any()


def test_scores_are_the_sum_over_coefficients() -> None:
    places = np.array([[0.4, -0.9]])
    made, expected = store(places, 0.3, RNG(4))
    band, at = made.band, np.array([1.1, 0.3])
    turn = np.exp(2j * np.pi * (band.kx * at[0] + band.ky[:, None] * at[1]) / SIDE)
    seen = (made.levels[0, 0, ..., 0] + 1j * made.levels[0, 0, ..., 1]) * made.whitening()[band.shell]
    direct = (band.parts * (seen * expected.conj() * turn).real).sum()
    found = table(made, expected)(at[None, None])[0]
    assert found == pytest.approx(direct, rel=0.01)
    total = np.zeros((1, RADIUS + 2, 2))
    agreement(made.levels[0], expected, made.whitening(), at[None], band, total)
    assert total[..., 0].sum() == pytest.approx(direct, rel=1e-4)
    assert total[..., 1].sum() == pytest.approx((band.parts * np.abs(expected) ** 2).sum(), rel=1e-4)


def planted(count: int, noise: float) -> tuple[list, np.ndarray, Film]:
    """Scores of particles that move as a draw of the prior does."""
    here = film(count)
    model = Model(here, Prior(0.6, 600.0, 0.3, 0.5, 3.0))
    truth = model.tracks(RNG(5).standard_normal(model.size))
    truth -= truth.mean(axis=(0, 1))
    found = []
    for number, places in enumerate(truth):
        made, expected = store(places, noise, RNG([6, number]))
        found.append(table(made, expected, 1 / (noise * SIDE / SIDE)))
    return found, truth, here


def error(found: np.ndarray, truth: np.ndarray) -> float:
    apart = found - truth
    apart = apart - apart.mean(axis=1, keepdims=True)
    return float(np.sqrt((apart**2).mean()))


def test_planted_tracks_are_followed() -> None:
    parts, truth, here = planted(6, 0.15)
    found = followed(joined(parts), here, Prior(0.6, 600.0, 0.3, 0.5, 3.0))
    assert error(found, truth) < 0.25 * error(np.zeros_like(truth), truth)


def test_neighbours_help_each_other() -> None:
    """In noise, particles that move alike are followed better with that known than each on its own."""
    parts, truth, here = planted(24, 1.5)
    together = followed(joined(parts), here, Prior(0.6, 600.0, 0.3, 0.5, 3.0))
    alone = followed(joined(parts), here, Prior(0.6, 1.0, 0.3, 0.5, 3.0))
    assert error(together, truth) < 0.92 * error(alone, truth)


def test_training_finds_that_particles_move() -> None:
    parts, _, here = planted(6, 0.3)
    pair = Pair(joined(parts), joined(parts), here)
    start = Prior(0.02, 600.0, 0.3, 0.5, 3.0)
    best, before, after = training.trained([pair], start)
    assert best.velocity > 5 * start.velocity and after > before


def test_planted_weights_are_found_and_without_data_the_expected_ones_stay() -> None:
    k = np.arange(4, 60) / 200
    scale, bfactor = np.linspace(1, 0.7, 10), np.linspace(10, 300, 10)
    damage = np.exp(-np.linspace(0.1, 1.5, 10)[:, None] * (k / k[-1]) ** 2)
    share = scale[:, None] * np.exp(-bfactor[:, None] * k**2 / 4) * np.linspace(1, 0.5, len(k))
    norm = np.full(share.shape, 4e4)
    cross = norm * share + np.sqrt(norm) * RNG(0).standard_normal(share.shape)
    found = weights.fitted(np.stack([cross, norm], axis=-1), k, damage)
    np.testing.assert_allclose(found.scale / found.scale[0], scale / scale[0], atol=0.03)
    np.testing.assert_allclose(np.diff(found.bfactor), np.diff(bfactor), atol=12)
    np.testing.assert_allclose((found.at(k) ** 2).sum(axis=0), 1)
    empty = weights.fitted(np.zeros((10, len(k), 2)), k, damage)
    log, wanted = weights.expected(damage, k)
    np.testing.assert_allclose(empty.bfactor, wanted, atol=1e-6)
    np.testing.assert_allclose(np.log(empty.scale), log - log.max(), atol=1e-9)


def test_moved_frames_sum_to_the_particle_in_the_middle() -> None:
    places = np.array([[30.3, 27.8], [33.6, 29.1]])
    images = Images(1, 24, 24)
    for place in places:
        images.add(blob((64, 64), *place), place[None], np.ones((24, 13), np.float32) / 2)
    still = blob((24, 24), 12, 12)
    np.testing.assert_allclose(images.finished()[0], still - still.mean(), atol=0.01)


def test_cropping_keeps_the_picture() -> None:
    v, u = np.mgrid[:64, :64]
    frame = np.exp(-((u - 32) ** 2 + (v - 32) ** 2) / 40.0).astype(np.float32)
    whole, small = Images(1, 32, 32), Images(1, 32, 16)
    for images in (whole, small):
        images.add(frame, np.array([[32.0, 32.0]]), np.ones((images.crop, images.crop // 2 + 1), np.float32))
    np.testing.assert_allclose(small.finished()[0], whole.finished()[0, ::2, ::2], atol=0.01)
