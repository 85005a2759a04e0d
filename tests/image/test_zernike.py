"""Zernike polynomials in RELION's order."""

import numpy as np
import pytest

from spa.image.zernike import EVEN, ODD, count, order, series, term

X, Y = np.random.default_rng(0).uniform(-0.4, 0.4, (2, 50))


def test_the_order_goes_by_degree_then_by_angle() -> None:
    assert [order(ODD, i) for i in range(6)] == [(-1, 1), (1, 1), (-3, 3), (-1, 3), (1, 3), (3, 3)]
    assert [order(EVEN, i) for i in range(4)] == [(0, 0), (-2, 2), (0, 2), (2, 2)]
    assert [order(EVEN, i) for i in range(4, 9)] == [(m, 4) for m in (-4, -2, 0, 2, 4)]


@pytest.mark.parametrize("kind", [ODD, EVEN])
def test_terms_up_to_a_degree_are_those_whose_order_says_so(kind: str) -> None:
    for most in range(1, 9):
        listed = [order(kind, i)[1] for i in range(100)]
        assert count(kind, most) == sum(n <= most for n in listed)


@pytest.mark.parametrize("kind", [ODD, EVEN])
def test_terms_have_their_symmetry(kind: str) -> None:
    sign = -1 if kind == ODD else 1
    for index in range(12):
        np.testing.assert_allclose(term(kind, index, -X, -Y), sign * term(kind, index, X, Y), atol=1e-12)


def test_terms_are_orthogonal_on_the_unit_disc() -> None:
    y, x = np.mgrid[-1:1:401j, -1:1:401j]
    inside = x**2 + y**2 <= 1
    for kind in (ODD, EVEN):
        terms = np.stack([term(kind, i, x[inside], y[inside]) for i in range(9)])
        gram = terms @ terms.T / inside.sum()
        root = np.sqrt(np.diag(gram))
        assert np.abs(gram / root / root[:, None] - np.eye(9)).max() < 0.02


def test_a_series_is_the_sum_of_its_terms() -> None:
    expected = 2 * term(ODD, 1, X, Y) - 3 * term(ODD, 4, X, Y)
    np.testing.assert_allclose(series(ODD, (0, 2, 0, 0, -3), X, Y), expected)
    assert not series(EVEN, (), X, Y).any()
