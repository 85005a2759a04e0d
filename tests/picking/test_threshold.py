"""Where noise ends."""

import numpy as np
import pytest

from spa.picking.threshold import _rising, decoy_limit, mixture, threshold


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
    targets, decoys = scores
    assert 3 < threshold(targets, np.concatenate([targets, decoys[:200]]), decoys) < 5.5


@pytest.mark.parametrize("particles", [25, 500])
def test_particles_are_found_among_much_noise(particles):
    rng = np.random.default_rng(2)
    targets = np.concatenate([rng.normal(1.5, 0.5, 2000), rng.normal(8, 0.7, particles)])
    decoys = rng.normal(1.5, 0.5, 2000)
    assert 3 < threshold(targets, targets, decoys) < 7
    assert (targets > decoy_limit(targets, decoys)).sum() < particles + 20


def test_particles_are_kept_down_to_where_noise_is_as_common():
    """Of normal particles at 4 and noise at 2, as many each: those above 3."""
    rng = np.random.default_rng(4)
    targets = np.concatenate([rng.normal(2, 0.5, 3000), rng.normal(4, 0.5, 3000)])
    assert decoy_limit(targets, rng.normal(2, 0.5, 3000)) == pytest.approx(3, abs=0.5)


@pytest.mark.parametrize("seed", range(10))
def test_nothing_stands_out_of_noise(seed):
    rng = np.random.default_rng(seed)
    noise = rng.normal(1.5, 0.5, 2000)
    assert (noise > decoy_limit(noise, rng.normal(1.5, 0.5, 2000))).sum() < 20


def test_the_stricter_of_the_two_wins(scores):
    targets, decoys = scores
    assert threshold(targets, targets, decoys) >= max(decoy_limit(targets, decoys), mixture(targets).crossing)


def test_faint_particles_on_the_tail_of_the_noise_are_kept():
    """Where the mixture's parts overlap, its crossing would lose half of them; decoys tell how many are noise."""
    rng = np.random.default_rng(5)
    noise, decoys = rng.normal(3, 0.6, (2, 3000))
    targets = np.concatenate([noise, rng.normal(4.2, 0.7, 900)])
    least = threshold(targets, targets, decoys)
    assert (targets[3000:] >= least).mean() > 0.6 and (targets[:3000] >= least).sum() < (targets[3000:] >= least).sum()


@pytest.mark.parametrize("lumps", [1, 3, 10])
def test_a_few_bright_lumps_do_not_hide_the_particles(lumps):
    rng = np.random.default_rng(6)
    noise, decoys = rng.normal(3, 0.5, (2, 3000))
    particles, bright = rng.normal(5, 0.5, 300), rng.normal(30, 0.2, lumps)
    targets = np.concatenate([noise, particles, bright])
    assert (particles >= threshold(targets, targets, decoys)).mean() > 0.85


def test_scores_alike_and_none_at_all():
    assert decoy_limit(np.ones(100), np.ones(100)) == np.inf
    assert decoy_limit(np.zeros(0), np.zeros(0)) == np.inf
    assert decoy_limit(np.array([9.0, 8.0, 7.0]), np.zeros(0)) == 3.5


def test_a_handful_of_scores_goes_by_the_decoys():
    targets, decoys = np.array([9.0, 8.0, 1.0]), np.array([2.0, 1.5, 1.2])
    assert threshold(targets, targets, decoys) == 5.0


def test_pooling_gives_the_nearest_rising_sequence():
    optimize = pytest.importorskip("scipy.optimize")  # scipy 1.12 and later have it
    if not hasattr(optimize, "isotonic_regression"):
        pytest.skip("scipy before 1.12")
    values = np.random.default_rng(6).normal(np.linspace(0, 1, 300), 1)
    assert _rising(values) == pytest.approx(optimize.isotonic_regression(values).x)
