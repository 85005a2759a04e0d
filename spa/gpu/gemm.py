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
    a.device.driver.gemm(a, b, out, exact)
    return out
