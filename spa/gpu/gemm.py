"""Matrix products of arrays on a device."""

from spa.gpu.array import Array


def product(a: Array, b: Array, out: Array | None = None, exact: bool = False) -> Array:
    """a (m, k) times b (n, k) transposed: (m, n) float32.

    Not exact: on tensor cores, factors rounded to TF32 (11 bits) and summed in float32, where a card has them.
    """
    (m, k), (n, other) = a.shape, b.shape
    assert k == other, (a.shape, b.shape)
    out = a.device.empty(m, n) if out is None else out
    assert out.shape == (m, n), (out.shape, m, n)
    a.device.driver.gemm(a, b, out, exact, across=False)
    return out


def inner(a: Array, b: Array, out: Array, exact: bool = False) -> None:
    """a (k, m) transposed times b (k, n) added to out (m, n) float32; exact as in `product`."""
    (k, m), (other, n) = a.shape, b.shape
    assert k == other and out.shape == (m, n), (a.shape, b.shape, out.shape)
    a.device.driver.gemm(a, b, out, exact, across=True)
