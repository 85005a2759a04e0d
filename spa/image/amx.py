"""A processor's tile unit (Intel's AMX) as compiled code calls it: eight tiles of 1 KiB, products of bfloat16.

Tiles 0-3 are sums (16, 16) of float32, 4 and 5 left operands (16, 32), 6 and 7 right ones (16, 16 pairs).
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 1, ch. 18; the instructions are LLVM's.
"""

import ctypes
import functools
import platform
from typing import Any

import numpy as np

from spa.compiled import Later, processor

ROWS, BYTES, TILES = 16, 64, 8  # of a tile: rows, and bytes in each; how many there are
_ARCH_PRCTL, _REQUEST, _TILE_DATA = 158, 0x1023, 18  # Linux: a process asks for the unit once, for all its threads


@functools.cache
def there() -> bool:
    """Whether this processor has the unit and the system lets this process use it."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    if not {"amx_tile", "amx_bf16"} <= processor.features():
        return False
    return ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST, _TILE_DATA) == 0


def configuration() -> np.ndarray:
    """What `configure` loads: all tiles whole."""
    out = np.zeros(BYTES, np.uint8)
    out[0] = 1  # the palette
    out[16 : 16 + 2 * TILES : 2], out[48 : 48 + TILES] = BYTES, ROWS
    return out


def _instruction(name: str, numbers: tuple[int, ...], address: bool = False, stride: bool = False) -> Any:
    """LLVM's intrinsic of a name with the numbers of its tiles, and what it takes: an address (an integer), and how far
    it is from row to row."""

    def make() -> Any:
        from llvmlite import ir
        from numba.core import cgutils, types
        from numba.extending import intrinsic

        byte, word = ir.IntType(8), ir.IntType(64)
        taken = [byte.as_pointer()] * address + [word] * stride

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            shape = ir.FunctionType(ir.VoidType(), [byte] * len(numbers) + taken)
            function = cgutils.get_or_insert_function(builder.module, shape, f"llvm.x86.{name}")
            given = [value if kind is word else builder.inttoptr(value, kind) for value, kind in zip(values, taken)]
            builder.call(function, [byte(number) for number in numbers] + given)
            return context.get_dummy_value()

        signature = types.void(*[types.intp] * len(taken))
        if not taken:
            return intrinsic(lambda context: (signature, generate))
        if len(taken) == 1:
            return intrinsic(lambda context, address: (signature, generate))
        return intrinsic(lambda context, address, stride: (signature, generate))

    return Later(make)


configure = _instruction("ldtilecfg", (), address=True)
release = _instruction("tilerelease", ())
zero0, zero1, zero2, zero3 = (_instruction("tilezero", (number,)) for number in range(4))
load4, load5, load6, load7 = (_instruction("tileloadd64", (number,), True, True) for number in range(4, 8))
store0, store1, store2, store3 = (_instruction("tilestored64", (number,), True, True) for number in range(4))
add0, add1, add2, add3 = (
    _instruction("tdpbf16ps", numbers) for numbers in ((0, 4, 6), (1, 4, 7), (2, 5, 6), (3, 5, 7))
)
