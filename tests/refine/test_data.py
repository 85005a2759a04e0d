"""What is measured of images before anything is refined."""

import numpy as np

from spa.image.disc import disc
from spa.refine.data import background_power, ordinary


def test_noise_is_that_of_ordinary_images() -> None:
    """A few boxes of ice among many do not raise the noise; without them nothing is left out."""
    band, rng = disc(32, 12), np.random.default_rng(0)
    images = rng.standard_normal((200, 32, 32)).astype(np.float32)
    clean = background_power(images, band, 8)
    assert ordinary(clean, band)[:, 1:].mean() > 0.999
    images[:40] += 20 * np.linspace(-1, 1, 32, dtype=np.float32)
    power = background_power(images, band, 8)
    taken = ordinary(power, band)
    mean = (power * taken).sum(axis=0) / taken.sum(axis=0)
    assert power[:, 1:].mean(axis=0).min() > 5 and np.allclose(mean[1:], clean.mean(axis=0)[1:], rtol=0.4)
