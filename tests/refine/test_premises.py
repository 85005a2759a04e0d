"""Contrast and noise of images are told from what needs no pose."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from spa.refine import premises


def test_contrast_is_that_of_the_map_or_the_opposite(planted: Callable) -> None:
    case = planted(n=200, snr=0.5)
    images = case.problem.images
    found = premises.likeness(images, case.volume, 120.0, case.noise)
    assert found > 10
    dark = replace(images, planes=-images.planes)
    assert premises.likeness(dark, case.volume, 120.0, case.noise) == pytest.approx(-found)
    assert premises.likeness(images, -case.volume, 120.0, case.noise) == pytest.approx(-found)
    assert premises.likeness(images, 7 * case.volume, 120.0, case.noise) == pytest.approx(found, rel=1e-4)


def test_noise_has_no_contrast(planted: Callable) -> None:
    found = [premises.likeness(case.problem.images, case.volume, 120.0, case.noise)
             for case in (planted(n=200, signal=False, seed=seed) for seed in range(6))]  # fmt: skip
    assert np.abs(found).max() < 4


def test_noise_that_differs_between_images_is_seen_but_not_that_of_groups(planted: Callable) -> None:
    case = planted(n=400, snr=0.1)
    images, rng = case.problem.images, np.random.default_rng(1)
    assert premises.unlike(images, case.noise) < 0.05
    factors = np.exp(rng.normal(0, 0.2, 400)).astype(np.float32)
    differing = replace(images, planes=images.planes * factors[:, None, None])
    assert premises.unlike(differing, case.noise) == pytest.approx(0.2, abs=0.04)
    group = np.arange(400) % 2
    louder = replace(images, planes=images.planes * np.float32(1 + group)[:, None, None], group=group)
    assert premises.unlike(louder, np.repeat(case.noise, 2, axis=0)) < 0.05
    found = premises.loudness(differing, case.noise)(np.arange(400))
    assert np.corrcoef(found, factors**2)[0, 1] > 0.95
    ordinary = found[found < premises.BEYOND * np.median(found)]
    assert ordinary.mean() == pytest.approx(1, abs=0.02)
