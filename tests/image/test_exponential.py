"""The exponential is that of numpy, to a few units of float32's last place."""

import numpy as np

from spa.compiled import kernel
from spa.image.exponential import LEAST, exponential


@kernel("void(f4[::1], f4[::1])", cache=False, fastmath=True)
def _all(x, out):
    for i in range(len(x)):
        out[i] = exponential(x[i])


def test_it_is_the_exponential() -> None:
    x = np.concatenate([np.linspace(LEAST, 80, 100_001), [0.0, -1e-7, 1e-7]]).astype(np.float32)
    out = np.empty_like(x)
    _all(x, out)
    np.testing.assert_allclose(out, np.exp(x.astype(np.float64)), rtol=5e-7)


def test_what_is_lower_is_as_good_as_nothing() -> None:
    x, out = np.array([-1e4, -200, LEAST - 1], np.float32), np.empty(3, np.float32)
    _all(x, out)
    assert np.all((out >= 0) & (out < 1e-37))
