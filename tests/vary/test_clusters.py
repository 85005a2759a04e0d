"""Clusters that know particles' error bars."""

import numpy as np

from spa.vary.clusters import mixture


def test_a_kind_with_long_tails_is_not_halved_into_a_narrow_and_a_wide_cluster() -> None:
    rng = np.random.default_rng(0)
    kind = rng.random(3000) < 0.3
    usual = np.where(rng.random(3000) < 0.7, 0.1 * rng.standard_normal(3000), -np.abs(0.9 * rng.standard_normal(3000)))
    mean = (np.where(kind, 1.4 + 0.45 * rng.standard_normal(3000), -0.5 + usual))[:, None]
    number = mixture(mean, np.full((3000, 1, 1), 0.07), 2, rng).number
    assert max((number == kind).mean(), (number != kind).mean()) > 0.98


def test_widths_are_those_of_the_kinds_and_not_of_the_errors() -> None:
    rng = np.random.default_rng(1)
    kind, error = rng.random(20000) < 0.4, 0.5
    truth = np.where(kind, 1.0, -0.8) + 0.3 * rng.standard_normal(20000)
    seen = truth + error * rng.standard_normal(20000)
    spread = 1 / (1 + 1 / error**2)  # the posterior under a prior of one
    found = mixture((seen * spread / error**2)[:, None], np.full((20000, 1, 1), spread), 2, rng)
    assert np.allclose(np.sort(found.centres[:, 0]), [-0.8, 1.0], atol=0.08)
    assert np.allclose(np.sqrt(found.widths[:, 0, 0]), 0.3, atol=0.06)
