"""Signatures in words, and how a kernel's machine code is called with what Python has.

The code takes arrays as Python's own objects, and reads where their numbers lie, and how many, from numpy's record of
them (`PyArrayObject`, whose beginning every version of numpy has kept): no time is lost on passing them one by one.
"""

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_NUMBERS = {
    "f4": ctypes.c_float, "f8": ctypes.c_double, "i1": ctypes.c_int8, "u1": ctypes.c_uint8, "i2": ctypes.c_int16,
    "i4": ctypes.c_int32, "u4": ctypes.c_uint32, "i8": ctypes.c_int64, "u8": ctypes.c_uint64,
}  # fmt: skip
_ARRAYS = {*_NUMBERS, "c8"}
_TYPE = re.compile(r"(\w+)(\[((?::,)*)::1\])?")


@dataclass(frozen=True)
class Kind:
    """An argument: a number, or a contiguous array of them in so many dimensions (0: no array)."""

    name: str
    dimensions: int

    @property
    def of_array(self) -> bool:
        return self.dimensions > 0

    @property
    def number(self) -> Any:
        """As ctypes has it."""
        return _NUMBERS[self.name]


def understood(signature: str) -> bool:
    """Whether it is of numbers and contiguous arrays of them alone, and gives a number or nothing."""
    gives, _, _ = signature.partition("(")
    return gives.strip() in ("void", *_NUMBERS) and all(
        found and found[1] in (_ARRAYS if found[2] else _NUMBERS) for found in map(_TYPE.fullmatch, _taken(signature))
    )


def _taken(signature: str) -> list[str]:
    """The words for each argument, without spaces."""
    inside = signature.partition("(")[2].rpartition(")")[0].replace(" ", "")
    return re.split(r",(?![^\[]*\])", inside)


def arguments(signature: str) -> tuple[str, list[Kind]]:
    """What a kernel gives, void or a number's name, and what it takes, of an understood signature."""
    found = [_TYPE.fullmatch(one) for one in _taken(signature)]
    kinds = [Kind(one[1], one[3].count(",") + 1 if one[2] else 0) for one in found if one]
    return signature.partition("(")[0].strip(), kinds


def caller(name: str, signature: str, address: int) -> Callable[..., Any]:
    """Machine code at an address, as a function of Python: TypeError where arguments are not the signature's."""
    gives, kinds = arguments(signature)
    code = ctypes.CFUNCTYPE(
        ctypes.c_int32, ctypes.c_void_p, *(ctypes.c_void_p if kind.of_array else kind.number for kind in kinds)
    )(address)
    checks = [_check(kind) for kind in kinds]
    number: Any = None if gives == "void" else _NUMBERS[gives]

    def call(*given: Any) -> Any:
        if len(given) != len(checks):
            raise TypeError(f"{name}: {len(given)} arguments for {len(checks)}")
        result: Any = number() if number else None
        try:
            status = code(None if result is None else ctypes.addressof(result),
                          *[check(one) for check, one in zip(checks, given)])  # fmt: skip
        except (TypeError, AttributeError, ctypes.ArgumentError) as error:
            raise TypeError(f"No matching definition: {name} wants {signature}: {error}") from error
        if status:
            raise RuntimeError(f"{name}: status {status}")
        return None if result is None else result.value

    return call


def _check(kind: Kind) -> Callable[[Any], Any]:
    """What is passed for an argument. TypeError."""
    if not kind.of_array:
        return float if kind.name.startswith("f") else int
    dtype, dimensions = np.dtype(kind.name), kind.dimensions

    def address(array: np.ndarray) -> int:
        if array.dtype != dtype or array.ndim != dimensions or not array.flags.c_contiguous:
            raise TypeError(f"an array of {array.dtype} {array.shape}")
        return id(array)

    return address
