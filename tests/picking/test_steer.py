"""Templates by angular harmonics, and the filters that they are made of."""

import numpy as np
import pytest

from spa.picking import steer, templates
from spa.search.orientations import frames

PIXEL, SIDE, DIAMETER, HIGHEST = 4.0, 48, 120.0, 0.06


def picture(angle: float = 0.0, seed: int = 3) -> np.ndarray:
    """A few Gaussians within the disc, turned by ``angle`` radians about pixel n//2 from x to y."""
    rng = np.random.default_rng(seed)
    offset = (np.arange(SIDE) - SIDE // 2) * PIXEL
    image = np.zeros((SIDE, SIDE))
    for x, y in rng.uniform(-28, 28, (5, 2)):
        u, v = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
        image += rng.uniform(0.5, 1) * np.exp(-((offset[None] - u) ** 2 + (offset[:, None] - v) ** 2) / 2 / 9**2)
    return image


def test_turning_is_a_phase_of_each_harmonic() -> None:
    angle = 0.7
    straight, turned = (steer.of_images(picture(a)[None], PIXEL, DIAMETER, HIGHEST).values[0] for a in (0.0, angle))
    phases = np.exp(-1j * angle * np.arange(len(straight)))[:, None]
    assert turned == pytest.approx(straight * phases, abs=2e-3 * float(abs(straight).max()))


def test_power_is_that_of_the_spectrum() -> None:
    image = picture()
    polar = steer.of_images(image[None], PIXEL, DIAMETER, HIGHEST)
    offset = (np.arange(SIDE) - SIDE // 2) * PIXEL
    row, azimuth = 20, 2 * np.pi * 7 / 60
    kx, ky = polar.radii[row] * np.cos(azimuth), polar.radii[row] * np.sin(azimuth)
    direct = (image * np.exp(-2j * np.pi * (kx * offset[None] + ky * offset[:, None]))).sum()
    unit = polar.values[0, 0, 0].real / image.sum()  # coarser pixels, fewer of them
    assert np.sqrt(polar.power(60)[0, row, 7]) / unit == pytest.approx(abs(direct), rel=0.02)


def test_a_map_seen_along_z_is_its_sum() -> None:
    image = picture()
    volume = image[None] * np.exp(-(((np.arange(SIDE) - SIDE // 2)[:, None, None] * PIXEL / 20) ** 2) / 2)
    volume = volume.astype(np.float32)
    pose = frames(np.array([[0.0, 0.0, 1.0]]), np.zeros(1))
    flat = steer.of_images(volume.sum(0)[None], PIXEL, DIAMETER, HIGHEST)
    found = steer.of_map(volume, PIXEL, pose, DIAMETER, HIGHEST)
    a, b = flat.values[0].ravel(), found.values[0].ravel()
    turn = np.angle(np.vdot(flat.values[0, 1], found.values[0, 1]))  # the frame's own in-plane angle
    b = (found.values[0] * np.exp(-1j * turn * np.arange(found.values.shape[1]))[:, None]).ravel()
    assert abs(np.vdot(a, b)) / np.linalg.norm(a) / np.linalg.norm(b) > 0.999


def test_filters_hold_the_templates() -> None:
    images = np.stack([picture(seed=seed) for seed in range(12)])
    polar = steer.of_images(images, PIXEL, DIAMETER, HIGHEST)
    weights = np.ones(len(polar.radii))
    filters = steer.compressed(polar, weights, 1e-3)
    root = np.sqrt(polar.radii + polar.radii[1] / 4)
    error = energy = 0.0
    for m in range(filters.highest + 1):
        part = filters.of_order(m)
        made = filters.weights[:, part] @ filters.radial[part]
        error += (np.abs((made - polar.values[:, m]) * root) ** 2).sum()
        energy += (np.abs(polar.values[:, m] * root) ** 2).sum()
    assert error < 3e-3 * energy
    assert len(filters.orders) < len(steer.compressed(polar, weights, 1e-5).orders) < polar.values[0].size


def test_templates_are_even_flat_outside_and_in_the_middle() -> None:
    image = np.roll(picture(), (3, -2), (0, 1))[1:, 1:]
    even = templates.evened(image[None] + 7)
    assert even.shape[-1] == SIDE
    made = templates.masked(even, PIXEL, 110, centre=True)[0]
    offset = np.arange(SIDE) - SIDE // 2
    assert abs(made[np.hypot(offset[:, None], offset[None]) * PIXEL > 55 * templates.ROOM + PIXEL]).max() == 0
    bright = np.where(made > 0.2 * made.max(), made, 0)
    assert abs((bright * offset).sum() / bright.sum()) < 0.8 and abs((bright.T * offset).sum() / bright.sum()) < 0.8
    assert templates.contrast(even, PIXEL, 110) > 0 > templates.contrast(-even, PIXEL, 110)


def test_width_is_that_of_a_disc() -> None:
    image = templates.disc(SIDE, PIXEL, 80)[None]
    assert templates.widths(image, PIXEL) == pytest.approx([80], rel=0.15)
