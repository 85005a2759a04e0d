"""A rare kind is found among images of differing grey scales, and a component that is the mean is taken for them."""

import numpy as np

from spa.vary.kinds import kinds
from spa.vary.latent import apart, posterior, whitened
from spa.vary.views import ONE, Moments, contrast

GREY = contrast(0.1**2, 0.05)


def images(n: int, share: float, spread: float, rng: np.random.Generator) -> tuple[Moments, np.ndarray]:
    """Moments under a mean that is the sum of 6 pieces, of images which lack the third of them in a share."""
    pieces = rng.standard_normal((6, 60)) * 0.6
    maps = np.concatenate([pieces.sum(axis=0)[None], pieces])
    lacks = rng.random(n) < share
    grey = 1 + spread * rng.standard_normal(n)
    seen = grey[:, None] * (maps[0] - lacks[:, None] * pieces[2]) + rng.standard_normal((n, 60))
    return Moments(seen @ maps.T, np.repeat((maps @ maps.T)[None], n, axis=0)), lacks


def test_a_rare_kind_is_found_with_its_share_and_its_parts() -> None:
    found, lacks = images(2000, 0.05, 0.1, np.random.default_rng(1))
    best = kinds(found, GREY, np.arange(4), 1)
    apart_ = best.parts[1] - best.parts[0]
    assert np.argmin(apart_) == 2 and apart_[2] < -0.7 and np.abs(np.delete(apart_, 2)).max() < 0.4
    assert abs(best.share[1] - lacks.mean()) < 0.01


def test_more_kinds_are_likelier_and_the_commonest_comes_first() -> None:
    found, _ = images(600, 0.2, 0.1, np.random.default_rng(2))
    one, two = (kinds(found, GREY, np.arange(4), count) for count in (1, 2))
    assert len(two.share) == 3 and (np.diff(two.share) <= 0).all() and np.isclose(two.share.sum(), 1)
    assert one.share[0] > 0.7 and two.parts.shape == (3, 6)


def test_grey_scales_are_no_component() -> None:
    found, _ = images(2000, 0, 0.3, np.random.default_rng(3))
    grey = contrast(0.3**2, 0.05)
    mean_alone = found.turned(np.eye(7)[:, :1])
    as_component = found.turned(np.eye(7)[:, :1] @ np.array([[1.0, 0.5]]))  # a component that is half of the mean
    matrix = apart(as_component, grey)
    assert np.allclose((as_component.quadratic @ matrix)[:, 0, 1:], 0)
    latent = whitened(as_component.turned(matrix), grey)[1]
    plain = posterior(mean_alone, grey)
    assert np.isclose(latent.evidence.mean(), plain.evidence.mean(), atol=1e-3)
    assert np.array_equal(apart(as_component, ONE), np.eye(2))
