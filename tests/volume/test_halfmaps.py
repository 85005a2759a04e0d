"""Two half maps measured under a mask that is given or found."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.volume.halfmaps import measured, sphere_for
from spa.volume.masks import soft_sphere

N = 40


def halves() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    signal = 5 * soft_sphere(N, 8, 3) * (1 + 0.5 * rng.standard_normal((N, N, N)))
    return tuple((signal + rng.standard_normal((N, N, N))).astype(np.float32) for _ in range(2))  # type: ignore


def rngs() -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(2)]


def test_a_mask_lifts_the_curve() -> None:
    curves, used = measured(*halves(), 3.0, soft_sphere(N, 10, 3), rngs())
    assert np.array_equal(used, soft_sphere(N, 10, 3))
    assert curves.masked[8:].mean() > curves.unmasked[8:].mean() + 0.1


def test_without_a_mask_one_is_found() -> None:
    curves, used = measured(*halves(), 3.0, None, rngs())
    assert 0.01 < used.mean() < 0.5
    assert curves.masked[8:].mean() > curves.unmasked[8:].mean()


def test_the_randomisation_may_be_placed_by_resolution() -> None:
    curves, _ = measured(*halves(), 3.0, soft_sphere(N, 10, 3), rngs(), randomise_from=20.0)
    assert curves.randomised_from == N * 3.0 / 20


def test_the_sphere_takes_a_diameter() -> None:
    assert np.array_equal(sphere_for(N, 3.0, 60.0), soft_sphere(N, 10, 2))
    assert sphere_for(N, 3.0, None)[N // 2, N // 2, N // 2 + 16] == 1


@pytest.mark.parametrize("mask", [np.full((N, N, N), 2.0), np.full((N, N, N), -1.0)])
def test_a_mask_beyond_0_and_1_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"not in \[0, 1\]"):
        measured(*halves(), 3.0, mask, rngs())


def test_boxes_must_agree() -> None:
    with pytest.raises(DataError, match="boxes differ"):
        measured(halves()[0], halves()[1][:20, :20, :20], 3.0, None, rngs())
