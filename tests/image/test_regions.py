"""Regions and distances are those of scipy."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, label

from spa.image.regions import depth, nearest, regions, within

MASKS = {f"{share} {shape}": np.random.default_rng(number).random(shape) < share
         for number, (share, shape) in enumerate([(0.003, (60, 90)), (0.3, (50, 41)), (0.6, (64, 64)), (0.97, (70, 30)),
                                                  (0.5, (1, 40)), (0.5, (40, 1))])}  # fmt: skip
MASKS["spiral"] = np.kron(np.array([[1, 1, 1, 1, 1], [0, 0, 0, 0, 1], [1, 1, 1, 0, 1], [1, 0, 0, 0, 1],
                                    [1, 1, 1, 1, 1]], bool), np.ones((3, 4), bool))  # fmt: skip
masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())


@masks
def test_regions_share_sides(mask: np.ndarray) -> None:
    found, count = regions(mask)
    wanted, many = label(mask)
    assert count == many and len(np.unique(np.stack([found, wanted]).reshape(2, -1), axis=1).T) == many + (~mask).any()
    assert ((found > 0) == mask).all()


def test_nothing_has_no_regions() -> None:
    found, count = regions(np.zeros((5, 6), bool))
    assert count == 0 and not found.any() and found.shape == (5, 6)


@masks
@pytest.mark.parametrize("reach", [0.0, 1.0, 2.3, 9.0, 200.0])
def test_distances(mask: np.ndarray, reach: float) -> None:
    away = distance_transform_edt(~mask)
    np.testing.assert_array_equal(within(mask, reach), away <= reach)
    deep = depth(~mask, reach)
    np.testing.assert_allclose(deep, np.minimum(away, reach))
    np.testing.assert_array_equal(deep.astype(float) >= reach, away >= reach)


@masks
def test_the_nearest_place_is_in_the_mask_and_none_is_nearer(mask: np.ndarray) -> None:
    rows, columns = nearest(mask)
    assert mask[rows, columns].all()
    y, x = np.indices(mask.shape)
    np.testing.assert_allclose(np.hypot(rows - y, columns - x), distance_transform_edt(~mask))


def test_nothing_is_near_to_nothing() -> None:
    assert not within(np.zeros((7, 9), bool), 100).any()
