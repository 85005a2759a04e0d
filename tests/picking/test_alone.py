"""What noise gets is told from what a micrograph has."""

import numpy as np

from spa.picking import alone

ALONE = alone.Alone(np.random.default_rng(1).exponential(0.25, 50) - 0.5, 400.0, -0.5)


def noise_odds(area: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.exponential(0.25, rng.poisson(50 * area / 400)) - 0.5


def test_noise_does_not_outnumber_noise() -> None:
    told = [ALONE.outnumbered(noise_odds(area, seed), area) for area in (180.0, 400.0, 2000.0) for seed in range(100)]
    assert np.mean(told) < 0.04


def test_many_low_picks_and_few_high_ones_do() -> None:
    assert ALONE.outnumbered(np.full(100, -0.4), 400.0)
    assert ALONE.outnumbered(np.append(noise_odds(400.0, 5), [3.0, 3.1, 3.5, 4.0]), 400.0)
    assert not ALONE.outnumbered(np.zeros(0), 400.0)


def test_what_is_certain_is_in_no_doubt() -> None:
    image = alone.noise()
    most = int(alone.area(image))
    assert alone.certain(np.full(most // 5, 2.0), 0.0, image)
    assert not alone.certain(np.full(most // 20, 2.0), 0.0, image) and not alone.certain(np.ones(most), 0.0, image)
