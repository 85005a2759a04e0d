"""Products on the tile unit are those of operands rounded to bfloat16, whatever their shapes."""

import numpy as np
import pytest

from spa.image import amx, tiles

pytestmark = pytest.mark.skipif(not amx.there(), reason="no tile unit")


def rounded(a: np.ndarray) -> np.ndarray:
    """To eight bits of mantissa, halves to even."""
    mantissa, exponent = np.frexp(a.astype(np.float64))
    return np.ldexp(np.rint(mantissa * 256), exponent - 8)


@pytest.mark.parametrize("m, k, n", [(32, 32, 32), (1, 1, 1), (37, 33, 65), (100, 7, 5), (90, 300, 130)])
def test_a_product_is_that_of_rounded_operands(m: int, k: int, n: int) -> None:
    rng = np.random.default_rng(m)
    a, b = rng.standard_normal((m, k)).astype(np.float32), rng.standard_normal((k, n)).astype(np.float32)
    found = tiles.product(tiles.left(a), tiles.right(b), m, n)
    np.testing.assert_allclose(found, rounded(a) @ rounded(b), rtol=1e-5, atol=1e-5 * np.sqrt(k))


def test_what_float32_soon_does_is_left_to_it() -> None:
    b = np.ones((40, 50), np.float32)
    assert tiles.right(b, tiles.WORTH / b.size - 1) is None
    assert tiles.right(b, tiles.WORTH / b.size) is not None


def test_operands_may_lie_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((70, 40)).astype(np.float32), rng.standard_normal((50, 70)).astype(np.float32)
    monkeypatch.setattr(tiles, "CACHED", 1)  # a block of rows at a time
    found = tiles.product(tiles.left(a.T), tiles.right(b.T), 40, 50)
    np.testing.assert_allclose(found, rounded(a.T) @ rounded(b.T), rtol=1e-5, atol=1e-4)
