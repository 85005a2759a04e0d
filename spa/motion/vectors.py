"""A stretch of interpolated pixels in vector registers: what the compiler does not make of a loop over both.

In a loop whose source and target may overlap, read with a stride, it handles one pixel at a time, five times slower.
"""

from collections.abc import Callable
from typing import Any

from spa.compiled import later

TAPS, SEGMENT = 8, 16  # of interpolation: pixels used, pixels that share a fraction


@later
def blended() -> Any:
    """Of source, start, apart, taps, step, target, at: a segment of target (1-D float32), from at, becomes TAPS
    stretches of source (float32, its rows one after another), from start and apart, each times its tap (row step of
    taps (steps, TAPS)). All lie inside: nothing is checked."""
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic

    def blended(
        _: Any, source: Any, start: Any, apart: Any, taps: Any, step: Any, target: Any, at: Any
    ) -> tuple[Any, Callable[..., Any]]:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            of, first, apart, table, row, to, place = values
            source, taps, target = (
                context.make_array(signature.args[number])(context, builder, array).data
                for number, array in ((0, of), (3, table), (5, to))
            )
            vector, lanes = ir.VectorType(ir.FloatType(), SEGMENT), ir.VectorType(ir.IntType(32), SEGMENT)
            empty, total = ir.Constant(vector, ir.Undefined), None
            for tap in range(TAPS):
                some = builder.load(builder.bitcast(builder.gep(source, [first]), vector.as_pointer()), align=4)
                word = builder.add(builder.mul(row, row.type(TAPS)), row.type(tap))
                one = builder.insert_element(empty, builder.load(builder.gep(taps, [word])), ir.IntType(32)(0))
                term = builder.fmul(some, builder.shuffle_vector(one, empty, lanes([0] * SEGMENT)), flags=["fast"])
                total = term if total is None else builder.fadd(total, term, flags=["fast"])
                first = builder.add(first, apart)
            builder.store(total, builder.bitcast(builder.gep(target, [place]), vector.as_pointer()), align=4)
            return context.get_dummy_value()

        return types.void(source, start, apart, taps, step, target, at), generate

    return intrinsic(blended)
