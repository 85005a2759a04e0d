"""Curves and clusters of latents see through error bars."""

import numpy as np

from spa.vary import clusters, paths


def bent(n: int, blur: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places t on a half circle, and latents and covariances as images of an error would give them."""
    t = rng.uniform(0, 1, n)
    true = np.sqrt(2) * np.stack([-np.cos(np.pi * t), np.sin(np.pi * t) - 2 / np.pi], axis=1)
    spread = np.repeat((np.eye(2) / (1 + 1 / blur**2))[None], n, axis=0)
    seen = true + blur * rng.standard_normal((n, 2))
    return t, seen / (1 + blur**2), spread


def test_places_on_a_bent_curve_are_found() -> None:
    rng = np.random.default_rng(0)
    t, mean, spread = bent(1500, 0.35, rng)
    way = paths.curve(mean, spread, rng)
    place, error = paths.along(way, *clusters.likelihoods(mean, spread))
    assert abs(np.corrcoef(place, t)[0, 1]) > 0.95
    assert 0.5 < np.sqrt((np.minimum(place - t, 9) ** 2).mean() if np.corrcoef(place, t)[0, 1] > 0
                         else ((1 - place - t) ** 2).mean()) / error.mean() < 2  # fmt: skip


def test_a_motion_that_lies_folded_is_unfolded() -> None:
    rng = np.random.default_rng(4)
    t = rng.uniform(0, 1, 1500)
    waves = [np.cos(np.pi * k * t) * np.sqrt(2) for k in (2, 1, 3)] + [0 * t, 0 * t]  # the first goes there and back
    blur = 0.3
    seen = (np.stack(waves, axis=1) + blur * rng.standard_normal((1500, 5))) / (1 + blur**2)
    spread = np.repeat((np.eye(5) / (1 + 1 / blur**2))[None], 1500, axis=0)
    place, _ = paths.along(paths.unfolded(seen, spread, rng), *clusters.likelihoods(seen, spread))
    assert abs(np.corrcoef(seen[:, 0], t)[0, 1]) < 0.2 and abs(np.corrcoef(place, t)[0, 1]) > 0.95


def test_likelihoods_undo_the_prior() -> None:
    rng = np.random.default_rng(1)
    root = rng.standard_normal((5, 2, 2))
    precision, linear = root @ root.transpose(0, 2, 1) + 0.1 * np.eye(2), rng.standard_normal((5, 2))
    spread = np.linalg.inv(precision + np.eye(2))
    back = clusters.likelihoods(np.einsum("nab,nb->na", spread, linear), spread)
    assert np.allclose(back[0], linear) and np.allclose(back[1], precision)


def test_widths_of_clusters_are_those_of_states() -> None:
    rng = np.random.default_rng(2)
    true = np.where(rng.random(2000) < 0.3, 1.5, -0.6)[:, None]
    blur = rng.uniform(0.2, 0.6, (2000, 1))
    mean = (true + blur * rng.standard_normal((2000, 1))) / (1 + blur**2)
    found = clusters.mixture(mean, (1 / (1 + 1 / blur**2))[:, :, None], 2, rng)
    assert np.allclose(found.centres.ravel(), [-0.6, 1.5], atol=0.08) and abs(found.share[1] - 0.3) < 0.03
    assert np.sqrt(found.widths.ravel()).max() < 0.2
    assert clusters.kmeans(mean, 2, rng).share[1] < 0.45


def test_a_way_ends_where_it_was_sent() -> None:
    rng = np.random.default_rng(3)
    _, mean, _ = bent(800, 0.05, rng)
    ends = mean[[np.argmin(mean[:, 0]), np.argmax(mean[:, 0])]]
    way = paths.trajectory(mean, ends, 9, rng)
    assert np.allclose(way[[0, -1]], ends) and way[4, 1] > 0.3  # over the arch, not across
    away, along = paths.distance(mean, way)
    assert np.quantile(away, 0.9) < 0.3 and along.min() == 0 and along.max() == 1
