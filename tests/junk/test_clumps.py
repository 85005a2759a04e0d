"""Heaps of particles are clumps; what single particles do is not."""

import numpy as np
import pytest

from spa.junk.blur import blurred
from spa.junk.clumps import clumps

RADIUS = 8.0  # pixels


def density(places: np.ndarray, strengths: np.ndarray | float = 1.0, radius: float = RADIUS) -> np.ndarray:
    """Balls at places (n, 2) y x, averaged as `spa.junk.mask.junk` does, in noise; a single one has ten deviations."""
    y, x = np.ogrid[:240, :240]
    image = np.zeros((240, 240), np.float32)
    for (cy, cx), strength in zip(places, np.broadcast_to(strengths, len(places))):
        image += strength * np.sqrt(np.maximum(1 - ((y - cy) ** 2 + (x - cx) ** 2) / radius**2, 0)).astype(np.float32)
    smooth = blurred(image, 0.7 * RADIUS)
    single = blurred(np.pad(np.ones((1, 1), np.float32), 40), 0.7 * RADIUS).max() * 2 / 3 * np.pi * RADIUS**2
    noise = blurred(np.random.default_rng(1).normal(size=image.shape).astype(np.float32), 0.7 * RADIUS)
    return 10 * smooth / np.float32(single) + noise / noise.std()


def spread(rows: int = 4) -> np.ndarray:
    """Particles well apart, in the upper part."""
    return np.array([(20 + 36 * i, 20 + 40 * j) for i in range(rows) for j in range(6)], float)


def heap(count: int, middle: tuple[float, float] = (195, 120)) -> np.ndarray:
    return np.array(middle) + np.random.default_rng(2).normal(0, RADIUS, (count, 2))


@pytest.mark.parametrize("count", [6, 16])
def test_a_heap_is_found_and_single_particles_are_not(count: int) -> None:
    places = spread()
    found = clumps(density(np.vstack([places, heap(count)])), RADIUS)
    assert found[195, 120]
    assert not found[:170].any()
    assert found.sum() < 8 * np.pi * RADIUS**2


def test_touching_particles_are_none() -> None:
    pair = np.array([(195.0, 112.0), (195.0, 128.0)])
    assert not clumps(density(np.vstack([spread(), pair])), RADIUS).any()


def test_a_dense_particle_that_is_no_wider_is_none() -> None:
    places = np.vstack([spread(), [(195.0, 120.0)]])
    assert not clumps(density(places, [1.0] * 24 + [5.0]), RADIUS).any()


def test_a_few_places_do_not_tell_what_is_usual() -> None:
    places = np.vstack([spread(1)[:3], heap(16)])
    assert not clumps(density(places), RADIUS).any()
