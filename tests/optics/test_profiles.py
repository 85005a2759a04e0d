"""What sums say of a phase."""

import numpy as np
import pytest

from spa.image.disc import disc
from spa.optics.fit import climbed
from spa.optics.profiles import Even, agreeing, weighted
from spa.optics.sums import NAMES, Sums

BOX, RADIUS, IMAGES, NOISE = 48, 16, 2000, 8.0
WAVE, WIDTH = 0.0251, 48 * 1.2


@pytest.fixture(scope="module")
def fitted_apart() -> tuple[Sums, float]:
    """Sums of images whose chi is off by 0.5 (k / edge)^4, each with a defocus fitted to itself, and its error."""
    rng, band = np.random.default_rng(3), disc(BOX, RADIUS)
    square = ((band.kx.astype(float) ** 2 + band.ky.astype(float) ** 2) / WIDTH**2)[None]
    chi = rng.uniform(0, 2 * np.pi, (IMAGES, len(band)))
    images = np.sin(chi + 0.5 * (square / square.max()) ** 2) + NOISE / np.sqrt(2) * rng.standard_normal(chi.shape)
    grid = np.linspace(-160, 160, 65)
    match = np.stack([(images * np.sin(chi + np.pi * WAVE * square * one)).sum(1) for one in grid])
    own = grid[match.argmax(0)]
    chi += np.pi * WAVE * square * own[:, None]
    s, c = np.sin(chi), np.cos(chi)
    values = {"sine": s * images, "cosine": c * images, "ss": s * s, "sc": s * c, "cc": c * c, "power": images**2}
    return Sums(np.stack([values.get(name, 0 * s).sum(0) for name in NAMES]), IMAGES), float(own.std())


def test_what_is_fitted_to_each_image_hides_nothing_of_what_is_common(fitted_apart: tuple[Sums, float]) -> None:
    sums, error = fitted_apart
    band = disc(BOX, RADIUS)
    square = (band.kx.astype(float) ** 2 + band.ky.astype(float) ** 2) / RADIUS**2
    basis = np.stack([square, square**2])
    found = [climbed(Even(weighted(sums, band, 2, part)), basis, np.sqrt(square))
             for part in (None, agreeing(band, WIDTH, WAVE, error))]  # fmt: skip
    (plain, _, _), (value, covariance, _) = found
    error_of_it = np.sqrt(covariance[1, 1])
    assert abs(value[1] - 0.5) < error_of_it < 0.06
    assert plain[1] < 0.5 - 1.5 * error_of_it
