"""A kernel compiled by numba to machine code that can be kept: one function, which takes arrays as Python's objects.

numba's own function takes an array apart: its owner, its numbers' count, size and place, its shape and strides. That is
read here from numpy's record of the array, so that whoever calls needs to know none of it.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from spa.compiled import by_numba, resolve, words

_DATA, _SHAPE, _STRIDES = 0, 16, 24  # bytes from the head of a record: after data come the count of dimensions
_BYTE, _WORD, _STATUS = ir.IntType(8), ir.IntType(64), ir.IntType(32)
_POINTER = _BYTE.as_pointer()
_IR = {
    "f4": ir.FloatType(), "f8": ir.DoubleType(), "i1": _BYTE, "u1": _BYTE, "i2": ir.IntType(16),
    "i4": _STATUS, "u4": _STATUS, "i8": _WORD, "u8": _WORD,
}  # fmt: skip


def code_of(function: Callable, signature: str, settings: dict[str, Any], entry: str) -> tuple[bytes, list[str]]:
    """An object file with one function of this name, and what it calls that others must have."""
    resolve(function)
    made = by_numba.compiled(function, signature, {**settings, "cache": False, "no_cpython_wrapper": True})
    (found,) = made.overloads.values()  # type: ignore[attr-defined]
    library, name = found.library, found.fndesc.llvm_func_name
    module = llvm.parse_bitcode(library._final_module.as_bitcode())
    around = _around(signature, name, entry)
    around.triple, around.data_layout = module.triple, module.data_layout
    module.link_in(llvm.parse_assembly(str(around)))
    needs = []
    for one in module.functions:
        if one.is_declaration and not one.name.startswith("llvm."):
            needs.append(one.name)
        elif not one.is_declaration and one.name != entry:
            one.linkage = "internal"
    for one in module.global_variables:
        if one.is_declaration:
            needs.append(one.name)
        else:
            one.linkage = "internal"
    return library.codegen._tm.emit_object(module), needs


def _around(signature: str, name: str, entry: str) -> ir.Module:
    """A function of arrays as Python has them, which calls numba's."""
    gives, kinds = words.arguments(signature)
    module = ir.Module()
    result = _POINTER if gives == "void" else _IR[gives].as_pointer()
    taken: list[ir.Type] = []
    for kind in kinds:
        parts = [_POINTER, _POINTER, _WORD, _WORD, _POINTER, *[_WORD] * (2 * kind.dimensions)]
        taken += parts if kind.of_array else [_IR[kind.name]]
    of_numba = ir.Function(module, ir.FunctionType(_STATUS, [result.as_pointer() if gives == "void" else result,
                                                             _POINTER.as_pointer(), *taken]), name)  # fmt: skip
    given = [_POINTER if kind.of_array else _IR[kind.name] for kind in kinds]
    outer = ir.Function(module, ir.FunctionType(_STATUS, [_POINTER, *given]), entry)
    build = ir.IRBuilder(outer.append_basic_block())
    fault, nothing = build.alloca(_POINTER), build.alloca(_POINTER)
    passed: list[ir.Value] = [nothing if gives == "void" else build.bitcast(outer.args[0], result), fault]
    for kind, value in zip(kinds, outer.args[1:]):
        passed += _apart(build, kind, value) if kind.of_array else [value]
    build.ret(build.call(of_numba, passed))
    return module


def _apart(build: ir.IRBuilder, kind: words.Kind, record: ir.Value) -> list[ir.Value]:
    """An array as numba takes it, from numpy's record."""
    nobody = ir.Constant(_POINTER, None)

    def field(offset: int) -> ir.Value:
        place = build.gep(record, [_WORD(object.__basicsize__ + offset)])
        return build.load(build.bitcast(place, _POINTER.as_pointer()))

    def numbers(offset: int) -> list[ir.Value]:
        first = build.bitcast(field(offset), _WORD.as_pointer())
        return [build.load(build.gep(first, [_WORD(i)])) for i in range(kind.dimensions)]

    shape, strides = numbers(_SHAPE), numbers(_STRIDES)
    count = shape[0]
    for size in shape[1:]:
        count = build.mul(count, size)
    return [nobody, nobody, count, _WORD(np.dtype(kind.name).itemsize), field(_DATA), *shape, *strides]
