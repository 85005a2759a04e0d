"""Working images made even."""

import numpy as np
import pytest

from spa.picking.even import even

WIDTH = 12.0


def noise(seed: int = 0, shape: tuple[int, int] = (160, 200)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_a_slope_that_ends_at_junk_leaves_no_ridge_there() -> None:
    """Nor does the level of the junk."""
    y, x = np.mgrid[:160, :200]
    clear = x + 0.5 * y < 150
    image = (0.05 * x - 0.03 * y + noise()).astype(np.float32)
    image[~clear] = -300
    near = clear & (x + 0.5 * y > 142)
    found = np.array([even(image + noise(seed), WIDTH, clear)[near].mean() for seed in range(1, 5)])
    assert np.abs(found).max() < 0.1
    assert even(image, WIDTH, clear)[clear].std() == pytest.approx(1, abs=0.1)


def test_without_junk_a_slope_is_flattened() -> None:
    y, _ = np.mgrid[:160, :200]
    found = even((0.1 * y + noise()).astype(np.float32), WIDTH)
    assert abs(found[40:60].mean() - found[100:120].mean()) < 0.05 and found.std() == pytest.approx(1, abs=0.1)


def test_what_is_junk_becomes_the_same_noise_each_time() -> None:
    clear = np.ones((160, 200), bool)
    clear[:, :60] = False
    first, second = (even(noise(seed), WIDTH, clear) for seed in (1, 2))
    assert first[~clear].std() == pytest.approx(first[clear].std(), rel=0.05)
    assert np.corrcoef(first[~clear], second[~clear])[0, 1] > 0.999
