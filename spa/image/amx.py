"""A processor's tile unit (Intel's AMX) as compiled code calls it: eight tiles of 1 KiB, products of bfloat16.

Tiles 0-3 are sums (16, 16) of float32, 4 and 5 left operands (16, 32), 6 and 7 right ones (16, 16 pairs).
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 1, ch. 18; the instructions are LLVM's.
"""

import ctypes
import functools
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic

ROWS, BYTES, TILES = 16, 64, 8  # of a tile: rows, and bytes in each; how many there are
_ARCH_PRCTL, _REQUEST, _TILE_DATA = 158, 0x1023, 18  # Linux: a process asks for the unit once, for all its threads
_INT8, _INT64 = ir.IntType(8), ir.IntType(64)
_POINTER = _INT8.as_pointer()


@functools.cache
def there() -> bool:
    """Whether this processor has the unit and the system lets this process use it."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    features = binding.get_host_cpu_features()
    if not (features.get("amx-tile") and features.get("amx-bf16")):
        return False
    return ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST, _TILE_DATA) == 0


def configuration() -> np.ndarray:
    """What `configure` loads: all tiles whole."""
    out = np.zeros(BYTES, np.uint8)
    out[0] = 1  # the palette
    out[16 : 16 + 2 * TILES : 2], out[48 : 48 + TILES] = BYTES, ROWS
    return out


def _instruction(name: str, numbers: tuple[int, ...], arguments: list[tuple[Any, Any]]) -> Callable[..., None]:
    """LLVM's intrinsic of a name with the numbers of its tiles, and arguments (their types in LLVM and in numba).

    Addresses come as integers.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        shape = ir.FunctionType(ir.VoidType(), [_INT8] * len(numbers) + [kind for kind, _ in arguments])
        function = cgutils.get_or_insert_function(builder.module, shape, f"llvm.x86.{name}")
        given = [
            builder.inttoptr(value, kind) if kind is _POINTER else value
            for value, (kind, _) in zip(values, arguments)
        ]
        builder.call(function, [_INT8(number) for number in numbers] + given)
        return context.get_dummy_value()

    signature = types.void(*(kind for _, kind in arguments))
    if not arguments:
        return intrinsic(lambda context: (signature, generate))  # type: ignore[no-any-return]
    if len(arguments) == 1:
        return intrinsic(lambda context, address: (signature, generate))  # type: ignore[no-any-return]
    return intrinsic(lambda context, address, stride: (signature, generate))  # type: ignore[no-any-return]


_ADDRESS, _STRIDE = (_POINTER, types.intp), (_INT64, types.intp)

configure = _instruction("ldtilecfg", (), [_ADDRESS])
release = _instruction("tilerelease", (), [])
zero0, zero1, zero2, zero3 = (_instruction("tilezero", (number,), []) for number in range(4))
load4, load5, load6, load7 = (_instruction("tileloadd64", (number,), [_ADDRESS, _STRIDE]) for number in range(4, 8))
store0, store1, store2, store3 = (_instruction("tilestored64", (number,), [_ADDRESS, _STRIDE]) for number in range(4))
add0, add1, add2, add3 = (
    _instruction("tdpbf16ps", numbers, []) for numbers in ((0, 4, 6), (1, 4, 7), (2, 5, 6), (3, 5, 7))
)
