"""Gaussian means by products of matrices are what a direct sum says."""

import numpy as np
import pytest

from spa.junk.blur import blurred


@pytest.mark.parametrize("sigma", [0.7, 3.0, 30.0])
def test_mirrored_edges_and_weights(sigma: float) -> None:
    """Against the sum over an image mirrored as often as the window reaches."""
    image = np.random.default_rng(1).standard_normal((20, 33))
    reach = int(4 * sigma + 0.5)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    wide = np.pad(image, reach, mode="symmetric")
    rows = sum(tap * wide[i : i + 20] for i, tap in enumerate(taps))
    wanted = sum(tap * rows[:, i : i + 33] for i, tap in enumerate(taps))
    found = blurred(image, sigma)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_level_stays() -> None:
    np.testing.assert_allclose(blurred(np.full((8, 9), 5.0), 2.0), 5, rtol=1e-6)
