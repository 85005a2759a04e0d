"""Clusters of image shifts, and small groups merged."""

import numpy as np
import pytest

from spa.optics.groups import clusters, merged, places


def lattice(jitter: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Shifts (n, 2) about nine places a unit apart, and which."""
    where = rng.integers(0, 9, 400)
    return np.stack([where % 3, where // 3], axis=1) + jitter * rng.standard_normal((400, 2)), where


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings are one partition."""
    return len(np.unique(np.stack([a, b]), axis=1).T) == len(np.unique(a)) == len(np.unique(b))


@pytest.mark.parametrize("jitter", [0.0, 0.003, 0.03])
def test_places_of_a_lattice_are_found_however_tight(jitter: float) -> None:
    points, where = lattice(jitter, np.random.default_rng(0))
    found = places(points)
    assert found is not None and same(found, where)


def test_a_cloud_has_no_places() -> None:
    assert places(np.random.default_rng(1).standard_normal((500, 2))) is None


def test_one_shift_is_one_place() -> None:
    found = places(np.ones((20, 2)))
    assert found is not None and not found.any()


def test_a_number_of_clusters_is_kept() -> None:
    points, where = lattice(0.1, np.random.default_rng(2))
    assert same(clusters(points, 9, np.random.default_rng(0)), where)
    assert len(np.unique(clusters(points, 4, np.random.default_rng(0)))) == 4


def test_small_groups_go_to_the_nearest_or_together() -> None:
    label = np.repeat([0, 1, 2, 3], [50, 5, 60, 4])
    points = np.repeat([[0.0, 0], [1, 0], [9, 0], [8, 0]], [50, 5, 60, 4], axis=0)
    near = merged(label, points, 10)
    assert same(near, np.repeat([0, 0, 2, 2], [50, 5, 60, 4]))
    assert same(merged(label, None, 9), np.repeat([0, 1, 2, 1], [50, 5, 60, 4]))
    assert same(merged(label, None, 10), np.repeat([0, 0, 2, 0], [50, 5, 60, 4]))
    assert same(merged(label, None, 1), label)
    assert not merged(label, points, 1000).any()
