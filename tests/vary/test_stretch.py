"""Coordinates along which images change evenly, and particles placed in them."""

from dataclasses import replace

import numpy as np
import pytest

from spa.vary.clusters import mixture
from spa.vary.decoder import Decoder, of_arrays
from spa.vary.placed import Placed, placed, stretched
from spa.vary.stretch import even
from spa.vary.views import Moments

STEEP = 12.0


def step(q: int = 1) -> Decoder:
    """A network whose one map comes at once where the first coordinate passes 0.3; the others bend softly."""
    eye, first = np.eye(q), np.arange(q) == 0
    steep, bias = np.where(first, STEEP, 0.5), np.where(first, -0.3 * STEEP, 0.0)
    maps = np.zeros((q + 1, 4, 4, 4), np.float32)
    return Decoder(maps, 2.0, steep[:, None] * eye, bias, eye, np.zeros(q), eye, 0 * eye, np.zeros(q))


def seen(truth: np.ndarray, strength: float, rng: np.random.Generator) -> Moments:
    """Of images that show so much (n, m) of each map, with errors of 1 / sqrt(strength)."""
    n, m = truth.shape
    quadratic = np.zeros((n, m + 1, m + 1))
    quadratic[:, 1:, 1:] = strength * np.eye(m)
    linear = np.zeros((n, m + 1))
    linear[:, 1:] = strength * truth + np.sqrt(strength) * rng.standard_normal(truth.shape)
    return Moments(linear, quadratic)


@pytest.mark.parametrize("q", [1, 2])
def test_a_step_along_stretched_coordinates_changes_images_alike_everywhere(q: int) -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((3000, q))
    plain = step(q)
    made = even(lambda at: (plain.slopes(at)[1] ** 2).sum(axis=2), z, 0.02, rng)
    bent = replace(plain, stretch=made)
    y = made.outer(z)
    assert np.allclose(y.mean(axis=0), 0, atol=1e-6) and np.allclose(y.std(axis=0), 1, atol=1e-6)
    pace = np.sqrt((bent.slopes(y)[1] ** 2).sum(axis=2))
    before = np.sqrt((plain.slopes(z)[1] ** 2).sum(axis=2))
    inside = (np.abs(y) < np.quantile(np.abs(y), 0.9, axis=0)).all(axis=1)
    assert (pace[inside].std(axis=0) < 0.5 * pace[inside].mean(axis=0)).all() if q == 1 else True
    assert pace[:, 0].std() / pace[:, 0].mean() < 0.5 * before[:, 0].std() / before[:, 0].mean()


def test_derivatives_are_those_of_the_parts_within_the_ends_and_beyond() -> None:
    rng = np.random.default_rng(1)
    z = rng.standard_normal((500, 2))
    plain = step(2)
    bent = replace(plain, stretch=even(lambda at: (plain.slopes(at)[1] ** 2).sum(axis=2), z, 0.02, rng))
    y = np.r_[rng.uniform(-1, 1, (20, 2)), rng.uniform(4, 5, (20, 2))]
    parts, slopes = bent.slopes(y)
    for k in range(2):
        away = 1e-6 * np.eye(2)[k]
        assert np.allclose((bent.parts(y + away) - bent.parts(y - away)) / 2e-6, slopes[:, k], atol=1e-3)
    again = of_arrays(bent.arrays(), "here")
    assert np.allclose(again.parts(y), parts)


def test_two_kinds_behind_a_steep_step_are_two_clusters_of_stretched_coordinates() -> None:
    rng = np.random.default_rng(2)
    kind = rng.random(2000) < 0.3
    plain, moments = step(), seen(np.where(kind, 1.0, -1.0)[:, None], 6.0, rng)
    one, places = np.ones(2000), rng.standard_normal((64, 1))
    first = placed(plain, moments, one, np.zeros((2000, 1)), places)
    bent, guess = stretched(plain, first.mean, moments.quadratic.mean(axis=0), 0.02, rng)
    found = placed(bent, moments, one, guess, guess[:64])

    def told(placed_: Placed) -> float:
        number = mixture(placed_.mean, placed_.spread, 2, np.random.default_rng(3)).number
        return max((number == kind).mean(), (number != kind).mean())

    best = ((moments.linear[:, 1] > 0) == kind).mean()  # with the kinds known
    assert told(found) > best - 0.01 > told(first) + 0.1
    away = (found.mean[:, 0] - np.where(kind, found.mean[kind].mean(), found.mean[~kind].mean())) / np.sqrt(
        found.spread[:, 0, 0])  # fmt: skip
    assert 0.8 < away.std() < 1.2
