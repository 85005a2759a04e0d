"""Quantiles are numpy's."""

import numpy as np
import pytest

from spa.image.quantiles import median, quantiles


@pytest.mark.parametrize("shape", [(1,), (2,), (7, 9), (30, 4)])
def test_they_are_numpy_s(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)
    shares = (0, 0.0005, 0.3, 0.5, 1)
    np.testing.assert_allclose(quantiles(values, shares), np.quantile(values.astype(float), shares), rtol=1e-6)
    assert median(values) == pytest.approx(float(np.median(values)), rel=1e-6)
