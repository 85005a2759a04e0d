"""Products of matrices on a processor's tile unit (`amx`): operands rounded to bfloat16, sums kept in float32.

Each entry is rounded by 2^-9 of itself at most, at random: a score that is the sum of many products is off by some
hundredths of what noise makes of it.  Operands are cut into blocks of 32 rows or columns and 32 terms of the sum, two
tiles each, that lie one after another.
"""

import numba
import numpy as np

from spa.compiled import INNER, kernel
from spa.image import amx

SIDE = 32  # rows, columns and terms of a block
CACHED = 1 << 20  # bytes of left operand that are kept near
CONFIGURATION = amx.configuration()
BLOCKS = "u4[:,:,:,:,::1]"  # numba's type of them
_HIGH, _HALF, _ONE, _BITS = np.uint32(0xFFFF0000), np.uint32(0x7FFF), np.uint32(1), np.uint32(16)


@numba.njit(**INNER)
def _rounded(bits):
    """A float32's bits, rounded (to even) to those that bfloat16 has."""
    return (bits + _HALF + ((bits >> _BITS) & _ONE)) & _HIGH


@kernel(f"void(u4[:,::1], {BLOCKS})")
def _pack_left(a, out):
    m, k = a.shape
    for i in range(m):
        block, tile, row = i // 32, (i // 16) % 2, i % 16
        for j in range(0, k - 1, 2):
            out[block, j // 32, tile, row, (j % 32) // 2] = _rounded(a[i, j + 1]) | (_rounded(a[i, j]) >> _BITS)
        if k % 2:
            out[block, (k - 1) // 32, tile, row, ((k - 1) % 32) // 2] = _rounded(a[i, k - 1]) >> _BITS


@kernel(f"void(u4[:,::1], u4[::1], {BLOCKS})")
def _pack_right(b, nothing, out):
    k, n = b.shape
    for j in range(0, k, 2):
        low, high = b[j], b[j + 1] if j + 1 < k else nothing
        block, row = j // 32, (j % 32) // 2
        for first in range(0, n, 16):
            line = out[first // 32, block, (first // 16) % 2, row]
            for x in range(min(16, n - first)):
                line[x] = _rounded(high[first + x]) | (_rounded(low[first + x]) >> _BITS)


def _room(n: int, k: int) -> np.ndarray:
    return np.zeros((-(-n // SIDE), -(-k // SIDE), 2, amx.ROWS, amx.ROWS), np.uint32)


def left(a: np.ndarray) -> np.ndarray:
    """Blocks (m / 32, k / 32, 2, 16, 16) of a left operand (m, k) float32; an entry is a pair of terms."""
    out = _room(*a.shape)
    _pack_left(np.ascontiguousarray(a, np.float32).view(np.uint32), out)
    return out


def right(b: np.ndarray) -> np.ndarray:
    """Blocks (n / 32, k / 32, 2, 16, 16) of a right operand (k, n) float32."""
    out = _room(b.shape[1], b.shape[0])
    _pack_right(np.ascontiguousarray(b, np.float32).view(np.uint32), np.zeros(b.shape[1], np.uint32), out)
    return out


@numba.njit(**INNER)
def panel(a, b, first, stop, out):
    """out (rows, 32): blocks first … stop - 1 of a left operand times a column of blocks b of a right one.

    To be called between `amx.configure` and `amx.release`.
    """
    depth = a.shape[1]
    at_a, at_b, at = a.ctypes.data + first * depth * 2048, b.ctypes.data, out.ctypes.data
    for _ in range(first, stop):
        amx.zero0()
        amx.zero1()
        amx.zero2()
        amx.zero3()
        for k in range(depth):
            amx.load4(at_a + k * 2048, 64)
            amx.load5(at_a + k * 2048 + 1024, 64)
            amx.load6(at_b + k * 2048, 64)
            amx.load7(at_b + k * 2048 + 1024, 64)
            amx.add0()
            amx.add1()
            amx.add2()
            amx.add3()
        amx.store0(at, 128)
        amx.store1(at + 64, 128)
        amx.store2(at + 2048, 128)
        amx.store3(at + 2048 + 64, 128)
        at_a, at = at_a + depth * 2048, at + 4096


@kernel(f"void(u1[::1], {BLOCKS}, {BLOCKS}, i8, f4[:,::1])")
def _product(configuration, a, b, near, out):
    m, n = out.shape
    room = np.empty((32 * near, 32), np.float32)
    amx.configure(configuration.ctypes.data)
    for first in range(0, len(a), near):
        stop = min(first + near, len(a))
        for j in range(len(b)):
            panel(a, b[j], first, stop, room)
            width = min(32, n - 32 * j)
            for i in range(32 * first, min(32 * stop, m)):
                line, target = room[i - 32 * first], out[i]
                for x in range(width):
                    target[32 * j + x] = line[x]
    amx.release()


def product(a: np.ndarray, b: np.ndarray, m: int, n: int) -> np.ndarray:
    """(m, n) float32 of packed operands, a by `left` and b by `right`."""
    out = np.empty((m, n), np.float32)
    _product(CONFIGURATION, a, b, max(1, CACHED // (2048 * a.shape[1])), out)
    return out
