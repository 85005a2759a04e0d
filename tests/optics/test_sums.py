"""Sums over images, against slices and what a small step changes of them."""

import numpy as np
from scipy.spatial.transform import Rotation

from spa.image.aberrations import Aberrations
from spa.image.disc import images_of
from spa.optics.compared import Who, scene
from spa.optics.sums import sums
from spa.volume.slices import slices


def test_sums_hold_the_image_s_products_with_the_slice_and_its_slopes() -> None:
    """Of one image, and for the slopes of two that are each other's quarter turn of phase."""
    rng = np.random.default_rng(3)
    here = scene([rng.normal(size=(16, 16, 16)).astype(np.float32) for _ in range(2)], 1.0, 6, (Aberrations(),))
    band, pose = here.band, Rotation.random(1, random_state=rng).as_matrix()
    chi = np.array([[0, 0, 0, 0, np.pi / 2]])  # sine 1, cosine 0
    image = rng.normal(size=(1, 2, len(band))).astype(np.float32)
    turned = np.stack([-image[:, 1], image[:, 0]], axis=1)
    x, y = image[0]
    for half, source in enumerate(here.sources):
        who = Who(pose, np.zeros((1, 2)), chi, np.zeros(1), np.array([half]), np.zeros(1, np.int64))
        found, other = (sums(here, who, images_of(one, band)) for one in (image, turned))
        p, q = slices(source, pose, band.kx, band.ky)[0]
        close = {"atol": 1e-4 * float(np.hypot(x, y).max() * np.hypot(p, q).max())}
        np.testing.assert_allclose(found["sine"], x * p + y * q, **close)
        np.testing.assert_allclose(found["sine_turn"], y * p - x * q, **close)
        np.testing.assert_allclose(other["sine"], x * q - y * p, **close)
        np.testing.assert_allclose(found["ss"], p * p + q * q, atol=1e-4 * float((p * p + q * q).max()))
        np.testing.assert_allclose(found["cc"], 0, atol=1e-6)
        step = 1e-3  # within a cell a slice is smooth; the few steps that leave one are not compared
        for name, (dx, dy) in (("x", (step, 0)), ("y", (0, step))):
            after, before = (slices(source, pose, band.kx + k * dx, band.ky + k * dy)[0] for k in (1, -1))
            u, v = (after - before) / (2 * step)
            for what, wanted in ((f"pull_{name}", x * u + y * v), (f"pull_{name}_turn", y * u - x * v),
                                 (f"own_{name}", p * u + q * v), (name * 2, u * u + v * v)):  # fmt: skip
                near = np.abs(found[what] - wanted) < 0.02 * np.abs(found[what]).max()
                assert near.mean() > 0.9, what
