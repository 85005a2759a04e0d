"""Maxima, their distances and their places between pixels."""

import numpy as np
import pytest

from spa.image.peaks import apart, largest_about, maxima, near, refined


def test_planted_maxima_are_found_best_first():
    image = np.zeros((20, 30))
    image[5, 7], image[15, 22], image[5, 25] = 2, 3, 1
    assert maxima(image, 0.5, 3).tolist() == [[15, 22], [5, 7], [5, 25]]
    assert maxima(image, 1.5, 3).tolist() == [[15, 22], [5, 7]]


def test_of_two_near_ones_the_better_stays():
    image = np.zeros((10, 20))
    image[5, 5], image[5, 8] = 1, 2
    assert maxima(image, 0, 4).tolist() == [[5, 8]]
    assert len(maxima(image, 0, 2.5)) == 2


def test_a_maximum_at_the_edge_counts():
    image = np.zeros((8, 8))
    image[0, 7] = 1
    assert maxima(image, 0.5, 2).tolist() == [[0, 7]]


@pytest.mark.parametrize("seed", range(3))
def test_those_kept_are_apart_and_those_removed_are_near_a_better_one(seed):
    points = np.random.default_rng(seed).uniform(0, 50, (200, 2))
    kept = apart(points, 6.0)
    distance = np.hypot(*(points[kept][:, None] - points[None]).transpose(2, 0, 1))
    assert (np.sort(distance[:, kept], axis=1)[:, 1] > 6).all()
    for gone in np.setdiff1d(np.arange(200), kept):
        assert kept[distance[:, gone] <= 6].min() < gone


@pytest.mark.parametrize("spacing", [0.0, 1.0, 3.3, 12.0, 90.0, 1e5])
@pytest.mark.parametrize("levels", [1, 1000])
def test_of_a_map_the_best_are_taken_one_after_another(spacing: float, levels: int) -> None:
    scores = np.round(levels * np.random.default_rng(3).standard_normal((60, 43))) / levels  # equal ones, too
    wide = np.pad(scores, 1, constant_values=-np.inf)
    around = np.stack([wide[y : y + 60, x : x + 43] for y in range(3) for x in range(3)]).max(axis=0)
    points = np.argwhere((scores == around) & (scores > 0))
    kept: list[np.ndarray] = []
    for point in points[np.argsort(-scores[tuple(points.T)], kind="stable")]:
        if all(spacing == 0 or np.hypot(*(point - other)) > spacing for other in kept):
            kept.append(point)
    assert maxima(scores, 0.0, spacing).tolist() == np.array(kept).tolist()


def test_no_points_and_no_spacing():
    assert len(apart(np.zeros((0, 2)), 3)) == 0
    assert apart(np.zeros((4, 2)), 0).tolist() == [0, 1, 2, 3]


def test_the_top_of_a_paraboloid_is_found_between_pixels():
    y, x = np.mgrid[:20, :20]
    image = -((y - 8.3) ** 2) - 2 * (x - 11.6) ** 2
    assert refined(image, np.array([[8, 12]])) == pytest.approx(np.array([[8.3, 11.6]]))


def test_a_flat_or_edge_maximum_stays_on_its_pixel():
    flat = np.ones((5, 5))
    assert refined(flat, np.array([[2, 2], [0, 4]])).tolist() == [[2, 2], [0, 4]]


@pytest.mark.parametrize("distance", [0.7, 5.0, 80.0])
def test_near_gives_every_pair_once(distance: float) -> None:
    points = np.random.default_rng(4).uniform(-30, 20, (150, 2))
    apart_by = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    wanted = np.argwhere(np.triu(apart_by <= distance, 1))
    found = near(points, distance)
    assert np.array_equal(found[np.lexsort(found.T[::-1])], wanted)


@pytest.mark.parametrize("reach", [0, 1, 2, 3, 4, 7, 30])
def test_the_largest_of_every_square(reach: int) -> None:
    scores = np.random.default_rng(0).normal(size=(23, 41)).astype(np.float32)
    wanted = [
        [scores[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1].max() for x in range(41)]
        for y in range(23)
    ]
    np.testing.assert_array_equal(largest_about(scores, reach), wanted)
