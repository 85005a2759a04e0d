"""Products of matrices on a processor's tile unit (`amx`): operands rounded to bfloat16, sums kept in float32.

Each entry is rounded by 2^-9 of itself at most, at random: a score that is the sum of many products is off by some
hundredths of what noise makes of it.  Operands are cut into blocks of 32 rows or columns and 32 terms of the sum, two
tiles each, that lie one after another.
"""

import math

import numpy as np

from spa.compiled import inner, kernel
from spa.image import amx

SIDE = 32  # rows, columns and terms of a block
CACHED = 1 << 20  # bytes of left operand that are kept near
WORTH = 5e10  # products of numbers: float32 takes a second for them, what is here as long to be compiled
CONFIGURATION = amx.configuration()
BLOCKS = "u4[:,:,:,:,::1]"  # numba's type of them
_HIGH, _HALF, _ONE, _BITS = np.uint32(0xFFFF0000), np.uint32(0x7FFF), np.uint32(1), np.uint32(16)


def _to_bfloat16(bits):
    """A float32's bits, rounded (to even) to those that bfloat16 has."""
    return (bits + _HALF + ((bits >> _BITS) & _ONE)) & _HIGH


_rounded = inner(_to_bfloat16)

@kernel(f"void(u4[:,::1], u4[::1], {BLOCKS})")
def _pack_right(b, nothing, out):
    k, n = np.uint64(b.shape[0]), np.uint64(b.shape[1])  # without sign: nothing is counted from the end
    for j in range(np.uint64(0), k, np.uint64(2)):
        low, high = b[j], b[j + np.uint64(1)] if j + np.uint64(1) < k else nothing
        block, row = j >> np.uint64(5), (j & np.uint64(31)) >> np.uint64(1)
        for first in range(np.uint64(0), n, np.uint64(16)):
            line = out[first >> np.uint64(5), block, (first >> np.uint64(4)) & np.uint64(1), row]
            for x in range(np.uint64(16) if first + np.uint64(16) <= n else n - first):
                line[x] = _rounded(high[first + x]) | (_rounded(low[first + x]) >> _BITS)


def _room(n: int, k: int) -> np.ndarray:
    return np.zeros((-(-n // SIDE), -(-k // SIDE), 2, amx.ROWS, amx.ROWS), np.uint32)


def left(a: np.ndarray) -> np.ndarray:
    """Blocks (m / 32, k / 32, 2, 16, 16) of a left operand (m, k) float32; an entry is a pair of terms."""
    out = _room(*a.shape)
    for number, block in enumerate(out):  # a few rows stay in the caches
        bits = np.ascontiguousarray(a[SIDE * number : SIDE * (number + 1)], np.float32).view(np.uint32)
        bits = _to_bfloat16(bits)
        pairs = np.zeros((SIDE, amx.ROWS * len(block)), np.uint32)
        pairs[: len(bits), : (bits.shape[1] + 1) // 2] = bits[:, ::2] >> _BITS
        pairs[: len(bits), : bits.shape[1] // 2] |= bits[:, 1::2]
        block.transpose(1, 2, 0, 3)[:] = pairs.reshape(2, amx.ROWS, len(block), amx.ROWS)
    return out


def right(b: np.ndarray, rows: float = math.inf) -> np.ndarray | None:
    """Blocks (n / 32, k / 32, 2, 16, 16) of a right operand (k, n) float32.

    None where there is no tile unit, or where float32 is soon done with the rows that it is to be multiplied with.
    """
    if not amx.there() or rows * b.size < WORTH:
        return None
    if b.T.flags.c_contiguous:  # columns lie together: cut as a left operand, each tile turned
        return np.ascontiguousarray(left(b.T).swapaxes(3, 4))
    out = _room(b.shape[1], b.shape[0])
    _pack_right(np.ascontiguousarray(b, np.float32).view(np.uint32), np.zeros(b.shape[1], np.uint32), out)
    return out


@inner
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


@kernel(f"void(u1[::1], {BLOCKS}, {BLOCKS}, i8, f4[:,::1], f4[:,::1])")
def _product(configuration, a, b, near, room, out):
    m, n = out.shape
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
    near = max(1, CACHED // (2048 * a.shape[1]))
    _product(CONFIGURATION, a, b, near, np.empty((SIDE * near, SIDE), np.float32), out)
    return out
