"""What maps of components span."""

import numpy as np

from spa.vary.components import overlap


def test_overlap_is_that_of_what_maps_span() -> None:
    maps = np.random.default_rng(0).standard_normal((3, 6, 6, 6)).astype(np.float32)
    assert abs(overlap(maps, 2 * maps[::-1]) - 1) < 1e-6
    assert overlap(maps[:1], maps[1:]) < 0.5


def test_components_that_have_gone_to_nothing_stay() -> None:
    """They had moved by nan per cent, and never settled."""
    none, some = np.zeros((2, 4, 4, 4), np.float32), np.ones((1, 4, 4, 4), np.float32)
    assert overlap(none, none) == 1 and overlap(some, none) == 0
