"""A segment of interpolated pixels is the sum over taps that it says, and no other pixel is touched."""

import numba
import numpy as np
import pytest

from spa.motion.vectors import SEGMENT, TAPS, blended

blended = blended.made()


@numba.njit
def _one(source, start, apart, taps, step, target, at):  # type: ignore[no-untyped-def]
    blended(source, start, apart, taps, step, target, at)


@pytest.mark.parametrize("apart", [1, 40])
def test_a_segment_is_a_sum_over_taps(apart: int) -> None:
    rng = np.random.default_rng(1)
    source, taps = rng.standard_normal(400).astype(np.float32), rng.standard_normal((3, TAPS)).astype(np.float32)
    target = np.full(50, 7, np.float32)
    _one(source, 5, apart, taps, 2, target, 20)
    places = 5 + np.arange(SEGMENT)[:, None] + apart * np.arange(TAPS)
    np.testing.assert_allclose(target[20 : 20 + SEGMENT], source[places] @ taps[2], rtol=1e-5, atol=1e-5)
    assert (np.delete(target, np.arange(20, 20 + SEGMENT)) == 7).all()
