"""Whether half maps agree by more than noise."""

import numpy as np
import pytest

from spa.volume.agreement import SURE, agreement
from spa.volume.masks import soft_sphere
from spa.volume.shells import apply_radial

N = 48
BALL = soft_sphere(N, 0.4 * N, 0.05 * N)


def grain(rng: np.random.Generator, kind: str) -> np.ndarray:
    found = rng.standard_normal((N,) * 3).astype(np.float32)
    if "coarse" in kind:
        found = apply_radial(found, np.exp(-np.arange(N // 2 + 1) / 3))
    return found * BALL if "ball" in kind else found


@pytest.mark.parametrize("kind", ["white", "coarse", "white ball", "coarse ball"])
def test_noise_does_not_agree(kind: str) -> None:
    rng = np.random.default_rng(4)
    found = [agreement(grain(rng, kind), grain(rng, kind)) for _ in range(12)]
    assert max(found) < 0.8 * SURE


@pytest.mark.parametrize("kind", ["white", "coarse"])
def test_a_signal_weaker_than_the_noise_does(kind: str) -> None:
    rng = np.random.default_rng(5)
    signal = grain(rng, "coarse ball")
    noise = [2 * signal.std() / one.std() * one for one in (grain(rng, kind), grain(rng, kind))]
    assert agreement(signal + noise[0], signal + noise[1]) > 1.5 * SURE


def test_solvent_far_noisier_than_the_particle_hides_nothing() -> None:
    rng = np.random.default_rng(6)
    signal, loud = grain(rng, "white ball"), 1 + 20 * (1 - soft_sphere(N, 0.42 * N, 0.05 * N))
    noise = [2 * loud * grain(rng, "white") for _ in "12"]
    assert agreement(signal + noise[0], signal + noise[1]) > 1.5 * SURE


def test_noise_that_grows_with_frequency_hides_nothing() -> None:
    rng = np.random.default_rng(7)
    signal, curve = grain(rng, "white ball"), 8 * (np.arange(N // 2 + 1) / (N // 2)) ** 2
    noise = [apply_radial(grain(rng, "white"), curve) for _ in "12"]
    assert agreement(signal + noise[0], signal + noise[1]) > 1.5 * SURE
