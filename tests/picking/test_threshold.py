"""Where noise ends."""

import numpy as np
import pytest

from spa.picking.threshold import decoy_limit, mixture, threshold


@pytest.fixture
def scores():
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(1.5, 0.5, 800), rng.normal(7, 1, 300)]), rng.normal(1.5, 0.5, 1000)


def test_two_components_are_found(scores):
    found = mixture(scores[0])
    assert found.means == pytest.approx([1.5, 7], abs=0.1)
    assert found.weights[1] == pytest.approx(300 / 1100, abs=0.02)
    assert 3 < found.crossing < 5.5


def test_the_threshold_lies_between(scores):
    assert 3 < threshold(*scores) < 5.5


def test_few_particles_are_found_too():
    rng = np.random.default_rng(2)
    targets = np.concatenate([rng.normal(1.5, 0.5, 2000), rng.normal(8, 0.7, 25)])
    assert 3 < threshold(targets, rng.normal(1.5, 0.5, 2000)) < 7


def test_nothing_stands_out_of_noise():
    rng = np.random.default_rng(3)
    noise = rng.normal(1.5, 0.5, 2000)
    kept = (noise > threshold(noise, rng.normal(1.5, 0.5, 2000))).sum()
    assert kept < 20


def test_the_decoy_limit_is_where_half_are_decoys():
    assert decoy_limit(np.array([5.0, 4, 3, 2]), np.array([3.5, 2.5, 1.0])) == 1.0
    assert decoy_limit(np.array([5.0, 4, 3, 2]), np.array([3.5, 2.5, 2.2])) == 2.5
    assert decoy_limit(np.array([1.0, 2.0]), np.array([5.0, 6.0, 7.0])) == np.inf


def test_a_handful_of_scores_goes_by_the_decoys():
    assert threshold(np.array([9.0, 8.0, 1.0]), np.array([2.0, 1.5, 1.2])) == 4.5
