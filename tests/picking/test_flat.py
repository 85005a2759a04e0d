"""Backgrounds of micrographs."""

import numpy as np
import pytest

from spa.picking.flat import background, smoothed


@pytest.mark.parametrize("shape", [(300, 411), (256, 256), (90, 700)])
@pytest.mark.parametrize("sigma", [3.0, 17.0, 60.0])
def test_the_background_for_the_eye_is_nearly_that_of_all_pixels(shape: tuple[int, int], sigma: float) -> None:
    rng = np.random.default_rng(5)
    ramp = np.add.outer(np.linspace(0, 3, shape[0]), np.linspace(-2, 2, shape[1]))
    image = (ramp + rng.normal(size=shape)).astype(np.float32)
    found, wanted = background(image, sigma), smoothed(image, sigma)
    assert found.dtype == np.float32 and found.shape == shape
    assert np.sqrt(np.mean((found - wanted) ** 2)) < 0.05 * wanted.std()


def test_the_background_of_a_level_is_the_level() -> None:
    assert np.allclose(background(np.full((101, 203), 7.5, np.float32), 20.0), 7.5, atol=1e-5)
