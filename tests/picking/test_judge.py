"""Limits on score and power."""

import numpy as np
import pytest

from spa.picking.judge import Limits, automatic


@pytest.fixture
def picks():
    rng = np.random.default_rng(4)
    score = np.concatenate([rng.normal(2, 0.5, 200), rng.normal(8, 1, 400)])
    power = np.exp(rng.normal(0, 0.15, 600))
    power[-5:] = 6.0
    return score, power


def test_limits_that_are_given_hold(picks):
    kept = Limits(3.0, 0.9, 1.2).kept(*picks)
    assert picks[0][kept].min() >= 3 and picks[1][kept].min() >= 0.9 and picks[1][kept].max() <= 1.2
    assert Limits().kept(*picks).all()


def test_two_kinds_of_scores_part_and_dirt_is_left_out(picks):
    limits = automatic(*picks, Limits())
    assert 3 < limits.min_score < 6
    kept = limits.kept(*picks)
    assert kept[200:-5].mean() > 0.97 and not kept[:200].any() and not kept[-5:].any()


def test_scores_of_one_kind_stay_together():
    score = np.random.default_rng(5).normal(7, 1.2, 1000)
    assert automatic(score, None, Limits()).min_score is None


def test_what_is_far_denser_than_particles_is_left_out_and_nothing_of_particles_alone():
    rng = np.random.default_rng(6)
    score, level = rng.normal(7, 1.2, 400), rng.gamma(4, 0.4, 400)
    assert Limits(max_level=automatic(score, None, Limits(), level).max_level).kept(None, None, level).all()
    level[:8] = 14.0
    kept = automatic(score, None, Limits(), level).kept(score, None, level)
    assert not kept[:8].any() and kept[8:].all()


def test_what_is_given_is_not_overridden(picks):
    limits = automatic(*picks, Limits(min_score=1.0, max_power=100.0))
    assert limits.min_score == 1.0 and limits.max_power == 100.0 and limits.min_power is not None


def test_a_handful_is_not_judged():
    assert automatic(np.array([1.0, 9.0]), np.array([1.0, 9.0]), Limits()) == Limits()


def test_nan_is_not_kept():
    assert Limits(1.0).kept(np.array([np.nan, 2.0]), None).tolist() == [False, True]
