"""The Bessel function."""

import numpy as np
from scipy import special

from spa.image.bessel import j0


def test_it_is_that_of_scipy_on_either_side() -> None:
    x = np.concatenate([np.linspace(-5, 5, 1001), np.geomspace(3, 1e4, 1000)]).reshape(-1, 29)
    assert np.abs(j0(x) - special.j0(x)).max() < 1.2e-7
