"""Fields averaged as widely as their errors allow."""

import numpy as np
import pytest

from spa.volume.bands import averaged
from spa.volume.masks import distances
from spa.volume.pooled import pooled, without_patches

G, SPACING, ALIKE = 40, 3.0, 6.0


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """Of unit deviation, alike over two points."""
    place = np.arange(G)
    line = np.exp(-((place[:, None] - place) ** 2) / (2 * (ALIKE / SPACING) ** 2)).astype(np.float32)
    field = averaged(np.random.default_rng(4).standard_normal((G,) * 3).astype(np.float32), line)
    return field / field.std()


def treated(field: np.ndarray, error: float) -> tuple[np.ndarray, np.ndarray]:
    inside = (distances(G) < 14).astype(np.float32)
    of = [np.full(field.shape, one, np.float32) for one in (error, ALIKE)]
    return pooled(field.astype(np.float32), *of, inside, SPACING)[inside > 0], inside > 0


def test_a_slope_stays_to_the_rim_and_noise_goes(noise: np.ndarray) -> None:
    slope = 0.2 * (np.arange(G) - G // 2) + np.zeros((G,) * 3)
    found, inside = treated(slope + noise, 1.0)
    off = found - slope[inside]
    assert off.std() < 0.4
    fine, coarse = slope[inside] < -2, slope[inside] > 2
    assert abs(off[fine].mean()) < 0.2 and abs(off[coarse].mean()) < 0.2


def test_a_step_far_above_the_errors_stays(noise: np.ndarray) -> None:
    step = np.where(np.arange(G) < G // 2, 0.0, 10.0) + np.zeros((G,) * 3)
    found, inside = treated(step + 0.1 * noise, 0.1)
    assert np.abs(found - step[inside]).max() < 1


def test_noise_that_is_no_noise_is_left_alone(noise: np.ndarray) -> None:
    found, inside = treated(noise, 0.01)
    assert np.abs(found - noise[inside]).max() < 0.1


def test_patches_of_a_windows_size_go_and_edges_stay() -> None:
    step = np.where(np.arange(G) < G // 2, 0.0, 10.0) + np.zeros((G,) * 3)
    spotted = step.copy()
    spotted[8:12, 20:24, 5:8] = 7.0
    spotted[30:33, 10:12, 26:30] = 2.0
    error = np.ones_like(step)
    assert np.array_equal(without_patches(spotted, error, 2), step)
    assert np.array_equal(without_patches(spotted, 10 * error, 2), spotted.astype(np.float32))  # within their errors
    wide = step.copy()
    wide[6:20, 6:20, 4:14] = 7.0
    assert np.array_equal(without_patches(wide, error, 2)[8:18, 8:18, 6:12], wide[8:18, 8:18, 6:12])
