"""Folds about axes are correlations of a map with itself turned."""

import numpy as np

from spa.symmetry import folds
from spa.symmetry.prepared import prepared, recentred


def test_folding_is_one_about_the_axis_and_less_elsewhere(astray) -> None:
    given = prepared(astray("C6", moved=False), 12)
    power = folds.powers(given, np.array([[0, 0, 1.0], [0, 0, -1.0], [1.0, 0, 0], [0.6, 0.8, 0]]))
    for fold in (2, 3, 6):
        about = folds.folding(power, fold)
        assert about[:2].min() > 0.7 and about[2:].max() < 0.4
        np.testing.assert_allclose(about[0], about[1], rtol=1e-3)  # an axis has no direction
    assert folds.folding(power, 4)[0] < 0.5


def test_a_ball_has_no_folds() -> None:
    line = np.arange(48) - 24
    ball = np.exp(-(line**2 + line[:, None] ** 2 + line[:, None, None] ** 2) / 100).astype(np.float32)
    power = folds.powers(prepared(ball, 10), folds.hemisphere(0.5))
    assert np.abs(folds.folding(power, 2)).max() < 0.1


def test_the_map_is_prepared_about_its_density(astray) -> None:
    given = prepared(astray("D3"), 12)
    np.testing.assert_allclose(given.centre, (3, -1, 2), atol=0.7)
    assert recentred(given, np.array([0.5, 0, 0])).centre[0] > given.centre[0]
