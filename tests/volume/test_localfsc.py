"""Local resolution where the local FSC is known."""

import numpy as np
import pytest

from spa.volume.localfsc import local_fsc, resolution_map
from spa.volume.masks import soft_sphere
from spa.volume.shells import apply_radial

N, PIXEL, TRUE = 64, 2.0, 8.0


@pytest.mark.parametrize("gradient", [0.0, 0.5])
def test_a_slow_fall_is_found_with_little_scatter(gradient: float) -> None:
    """Noise grows with the square of frequency, so that the FSC falls to 0.143 at a resolution linear along x."""
    rng = np.random.default_rng(5)
    x = (np.arange(N) - N // 2) / (0.36 * N)
    field = (TRUE * np.exp(gradient * x / 2) + np.zeros((N,) * 3)).astype(np.float32)
    mask = soft_sphere(N, 0.36 * N, 4)
    curve = np.sqrt(6) * (np.arange(N // 2 + 1) / (N * PIXEL)) ** 2
    signal = rng.standard_normal((N,) * 3).astype(np.float32) * mask
    halves = [signal + field**2 * apply_radial(rng.standard_normal((N,) * 3).astype(np.float32), curve) for _ in "12"]
    found = resolution_map(local_fsc(*halves, PIXEL, mask, rng, 16.0), 0.143)
    off = np.log(found / field)[mask > 0.5]
    middle = np.median(off)
    assert abs(middle) < 0.1 and np.median(np.abs(off - middle)) < 0.065


def test_solvent_that_the_mask_holds_takes_nothing_from_the_particle() -> None:
    rng = np.random.default_rng(6)
    particle, wide = soft_sphere(N, 0.22 * N, 3), soft_sphere(N, 0.4 * N, 3)
    true = 5.0
    frequency = np.maximum(np.arange(N // 2 + 1), 1) / (N * PIXEL) * true
    signal = apply_radial(rng.standard_normal((N,) * 3).astype(np.float32), frequency**-2.0) * particle
    halves = [signal + np.sqrt(6) * rng.standard_normal((N,) * 3).astype(np.float32) for _ in "12"]
    seen = [resolution_map(local_fsc(*halves, PIXEL, mask, rng, 24.0), 0.143) for mask in (particle, wide)]
    tight, loose = (float(np.median(one[particle > 0.9])) for one in seen)
    assert abs(np.log(tight / true)) < 0.15 and abs(np.log(loose / tight)) < 0.2


def test_pure_noise_is_not_resolved() -> None:
    rng = np.random.default_rng(9)
    halves = [rng.standard_normal((N,) * 3).astype(np.float32) for _ in "12"]
    mask = soft_sphere(N, 0.36 * N, 4)
    field = resolution_map(local_fsc(*halves, PIXEL, mask, rng, 16.0), 0.143)
    assert np.median(field[mask > 0.5]) > 15.3


def test_solvent_whose_noise_agrees_by_chance_is_not_resolved() -> None:
    """Far from the mask half maps agree in a corner: it is not the particle's, and a filter would let it through."""
    rng = np.random.default_rng(2)
    mask = soft_sphere(N, 0.2 * N, 4)
    signal = rng.standard_normal((N,) * 3).astype(np.float32) * (mask + np.roll(mask, N // 2, (0, 1, 2)))
    halves = [signal + 0.3 * rng.standard_normal((N,) * 3).astype(np.float32) for _ in "12"]
    field = resolution_map(local_fsc(*halves, PIXEL, mask, rng, 16.0), 0.143)
    assert np.median(field[mask > 0.5]) < 5 and np.allclose(field[:4, :4, :4], 16.0)
