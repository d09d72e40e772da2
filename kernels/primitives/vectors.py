"""Vectors of 64 bytes as values in compiled code: 8 numbers of float64, 16 of float32, on every processor.

Where registers are shorter the compiler takes several of them, and the bits stay the same. As plain Python a vector is
a small NumPy array.
"""

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, models, register_model

from ..codes import VECTOR_BYTES as BYTES
from . import arithmetic, elementary
from .arithmetic import Pointer, Value
from .pointers import checked, primitive, read, write

_I32 = ir.IntType(32)


class Vector(types.Type):  # type: ignore[misc]
    """Numba's name for the type."""

    def __init__(self, number: Any) -> None:
        self.number, self.count = number, BYTES * 8 // number.bitwidth
        super().__init__(name=f"vector of {self.count} {number}")

    def ir(self) -> Any:
        """LLVM's."""
        return ir.VectorType(
            ir.DoubleType() if self.number == types.float64 else ir.FloatType(),
            self.count,
        )


@register_model(Vector)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.ir())


def _load(a: Any, at: int) -> Any:
    """The vector a[at], a[at + 1] ..."""
    return checked(a, at, BYTES // a.itemsize).copy()


@primitive(_load)
def load(typing_context: Any, a: Any, at: Any) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place = values
        return read(builder, a, array, place, kind.ir())

    return kind(a, types.intp), emit


def _store(a: Any, at: int, x: Any) -> None:
    """Write a vector to a[at], a[at + 1] ..."""
    checked(a, at, len(x))[:] = x


@primitive(_store)
def store(typing_context: Any, a: Any, at: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write(builder, a, *values)
        return context.get_dummy_value()

    return types.none(a, types.intp, x), emit


def _spread(a: Any, at: int) -> Any:
    """A vector of a[at] only."""
    return np.full(BYTES // a.itemsize, checked(a, at, 1)[0])


@primitive(_spread)
def spread(typing_context: Any, a: Any, at: Any) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place = values
        return repeated(
            builder, kind, read(builder, a, array, place, kind.ir().element)
        )

    return kind(a, types.intp), emit


def _constant(a: Any, x: float) -> Any:
    """A vector of x only, of a's type."""
    return np.full(BYTES // a.itemsize, x, a.dtype)


@primitive(_constant)
def constant(typing_context: Any, a: Any, x: Any) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return repeated(builder, kind, context.cast(builder, values[1], x, a.dtype))

    return kind(a, x), emit


def _numbers_in(a: Any) -> int:
    """How many numbers of an array fill a vector."""
    return BYTES // int(a.itemsize)


@primitive(_numbers_in)
def numbers_in(typing_context: Any, a: Any) -> Any:
    count = Vector(a.dtype).count
    return types.intp(a), lambda context, builder, signature, values: ir.Constant(
        ir.IntType(64), count
    )


def repeated(builder: Any, kind: Vector, number: Any) -> Any:
    """A vector of this number only."""
    first = builder.insert_element(
        ir.Constant(kind.ir(), ir.Undefined), number, ir.Constant(_I32, 0)
    )
    return shuffled(builder, first, first, [0] * kind.count)


def shuffled(builder: Any, x: Any, y: Any, places: list[int]) -> Any:
    """The numbers at these places of x followed by y."""
    return builder.shuffle_vector(
        x, y, ir.Constant(ir.VectorType(_I32, len(places)), places)
    )


def _halves(builder: Any, x: Any, n: int) -> list[Any]:
    return [shuffled(builder, x, x, list(range(first, first + n))) for first in (0, n)]


def _total(x: Any) -> Any:
    """The sum of a vector's numbers: the second half is added to the first one, and so on."""
    while len(x) > 1:
        x = x[: len(x) // 2] + x[len(x) // 2 :]
    return x[0]


@primitive(_total)
def total(typing_context: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (rest,), n = values, x.count
        while n > 1:
            n //= 2
            rest = builder.fadd(*_halves(builder, rest, n))
        return builder.extract_element(rest, ir.Constant(_I32, 0))

    return x.number(x), emit


def _first_two(x: Any) -> Any:
    """The sum of the first two numbers: the `total` of a vector whose others are zero."""
    return x[0] + x[1]


@primitive(_first_two)
def first_two(typing_context: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fadd(
            *(
                builder.extract_element(values[0], ir.Constant(_I32, i))
                for i in range(2)
            )
        )

    return x.number(x), emit


def _largest(x: Any) -> Any:
    """The largest of a vector's numbers."""
    return np.max(x)


@primitive(_largest)
def largest(typing_context: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (rest,), n = values, x.count
        while n > 1:
            n //= 2
            low, high = _halves(builder, rest, n)
            rest = builder.select(builder.fcmp_ordered(">", high, low), high, low)
        return builder.extract_element(rest, ir.Constant(_I32, 0))

    return x.number(x), emit


def traced(function: Callable[..., Any], n_results: int | None = None) -> Any:
    """Make arithmetic (see `arithmetic`) callable from compiled code.

    Numbers and vectors become Values, tuples of them tuples of Values, and flat arrays Pointers. The result, or each of
    n_results in a tuple, is of the first number's type.
    """
    if numba.config.DISABLE_JIT:
        return function

    def typed(typing_context: Any, *arguments: Any) -> Any:
        first = next(kind for kind in arguments if not isinstance(kind, types.CPointer))
        number = first.dtype if isinstance(first, types.UniTuple) else first
        result = number if n_results is None else types.UniTuple(number, n_results)

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            found = function(
                *(
                    _traceable(builder, *pair)
                    for pair in zip(arguments, values, strict=True)
                )
            )
            if n_results is None:
                return found.value
            return context.make_tuple(builder, result, [each.value for each in found])

        return result(*arguments), emit

    own = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    typed.__signature__ = inspect.Signature([own, *parameters])  # type: ignore[attr-defined]
    return intrinsic(typed)


def _traceable(builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.CPointer):
        return Pointer(builder, value)
    if isinstance(kind, types.UniTuple):
        return tuple(
            Value(builder, builder.extract_value(value, i)) for i in range(kind.count)
        )
    return Value(builder, value)


fma = traced(arithmetic.fma)
where_greater = traced(arithmetic.where_greater)
root = traced(arithmetic.root)
magnitude = traced(arithmetic.magnitude)
exp = traced(elementary.exp)
log = traced(elementary.log)
log1p = traced(elementary.log1p)
sigmoid = traced(elementary.sigmoid)
tanh = traced(elementary.tanh)


def _register(operation: Callable[..., Any]) -> None:
    """Teach Numba + - * / of two vectors."""

    class Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, arguments: Any, keywords: Any) -> Any:
            if (
                len(arguments) == 2
                and isinstance(arguments[0], Vector)
                and arguments[0] == arguments[1]
            ):
                return arguments[0](*arguments)
            return None

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x, y = values
        return operation(Value(builder, x), Value(builder, y)).value

    infer_global(operation)(Template)
    lower_builtin(operation, Vector, Vector)(lower)


for _operation in (operator.add, operator.sub, operator.mul, operator.truediv):
    _register(_operation)
