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
