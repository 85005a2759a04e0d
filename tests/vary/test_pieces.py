"""Pieces add to the consensus; their excess is chance for noise of any grey scale, and grows with variance."""

import numpy as np

from spa.vary.pieces import beside_mean, excess, of
from spa.vary.views import Moments
from spa.volume.masks import soft_sphere


def seen(scale: np.ndarray, spread: float, rng: np.random.Generator) -> Moments:
    """Of images whose 40 numbers are scale times (a mean map and spread times the first of three others), in noise."""
    maps = rng.standard_normal((len(scale), 4, 40))
    maps[:, 1:] += 0.5 * maps[:, :1]  # pieces look like the mean in part
    image = scale[:, None] * (maps[:, 0] + spread * rng.standard_normal((len(scale), 1)) * maps[:, 1])
    image += rng.standard_normal(image.shape)
    return Moments(np.einsum("nkp,np->nk", maps, image), np.einsum("nkp,nlp->nkl", maps, maps))


def test_pieces_add_to_the_consensus_in_the_region() -> None:
    rng = np.random.default_rng(0)
    region = soft_sphere(24, 9, 3)
    consensus = np.abs(rng.standard_normal((24, 24, 24))).astype(np.float32)
    found = of(consensus, region, 3, 8)
    assert found.maps.shape == (8, 24, 24, 24)
    np.testing.assert_allclose(found.maps.sum(axis=0), consensus * region, atol=1e-5)
    assert (np.linalg.norm(found.centres, axis=1) < 12).all()


def test_noise_of_any_grey_scale_has_the_excess_of_chance() -> None:
    runs = [excess([seen(1 + 0.3 * rng.standard_normal(400), 0, rng)]) for rng in map(np.random.default_rng, range(20))]
    assert abs(np.mean(runs)) < 0.4 and 0.7 < np.std(runs) < 1.4


def test_variance_along_a_piece_is_seen_there() -> None:
    rng = np.random.default_rng(1)
    found = excess([seen(1 + 0.3 * rng.standard_normal(400), 0.3, rng)])
    assert found.argmax() == 0 and found[0] > 6


def test_images_in_parts_have_the_excess_of_all() -> None:
    whole = seen(np.ones(300), 0.2, np.random.default_rng(3))
    parts = [whole.of(rows) for rows in np.split(np.arange(300), (70, 200))]
    np.testing.assert_allclose(excess(parts), excess([whole]), rtol=1e-12)


def test_beside_the_mean_grey_scales_are_nothing() -> None:
    rng = np.random.default_rng(2)
    one = seen(np.ones(50), 0.2, rng)
    brighter = Moments(one.linear + 0.7 * one.quadratic[:, 0], one.quadratic)  # 0.7 of the mean added to each image
    np.testing.assert_allclose(beside_mean(brighter).linear, beside_mean(one).linear, atol=1e-9)
