"""Vectors of 64 bytes as values: 8 numbers of float64, 16 of float32, everywhere.

Where registers are shorter the compiler takes several of them, and the bits stay the
same. In plain Python a vector is a small NumPy array.
"""

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, models, register_model

from ..codes import VECTOR_BYTES
from . import arithmetic, elementary, memory
from .symbols import INT64, Index, Pointer, Value


class Vector(types.Type):  # type: ignore[misc]
    """Numba's type of a vector."""

    def __init__(self, number: Any) -> None:
        self.number, self.count = number, VECTOR_BYTES * 8 // number.bitwidth
        super().__init__(name=f"vector of {self.count} {number}")

    def ir(self) -> Any:
        """Return LLVM's type of a vector."""
        double = self.number == types.float64
        number = ir.DoubleType() if double else ir.FloatType()
        return ir.VectorType(number, self.count)


@register_model(Vector)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.ir())


def traced(
    function: Callable[..., Any], results: int | Callable[..., Any] | None = None
) -> Any:
    """Make a function of `arithmetic` and `memory` callable from compiled code.

    Numbers and vectors become Values, integers Indexes, flat arrays Pointers, and
    tuples tuples of these. The result has the type of the first number; with an int
    there are that many results, in a tuple; a callable returns Numba's type of the
    result for those of the arguments. The function itself stays available as `plain`.
    """
    function.plain = function  # type: ignore[attr-defined]
    if numba.config.DISABLE_JIT:
        return function

    def typed(typing_context: Any, *arguments: Any) -> Any:
        result = _result_type(results, arguments)

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pairs = zip(arguments, values, strict=True)
            out = function(*(_symbol(builder, kind, value) for kind, value in pairs))
            if result == types.none:
                return context.get_dummy_value()
            if isinstance(result, types.UniTuple):
                return context.make_tuple(builder, result, [x.value for x in out])
            return ir.Constant(INT64, out) if isinstance(out, int) else _llvm(out)

        return result(*(_argument_type(kind) for kind in arguments)), emit

    own = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    signature = inspect.Signature([own, *parameters])
    typed.__signature__ = signature  # type: ignore[attr-defined]
    made = intrinsic(typed)
    made.plain = function
    return made


def _result_type(results: int | Callable[..., Any] | None, arguments: Any) -> Any:
    if callable(results):
        return results(*arguments)
    first = next(kind for kind in arguments if not isinstance(kind, types.CPointer))
    number = first.dtype if isinstance(first, types.UniTuple) else first
    return number if results is None else types.UniTuple(number, results)


def _argument_type(kind: Any) -> Any:
    return types.intp if isinstance(kind, types.Integer) else kind


def _symbol(builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.CPointer):
        return Pointer(builder, value)
    if isinstance(kind, types.UniTuple):
        items = (builder.extract_value(value, i) for i in range(kind.count))
        return tuple(_symbol(builder, kind.dtype, item) for item in items)
    if isinstance(kind, types.Integer):
        return Index(builder, value)
    return None if kind == types.none else Value(builder, value)


def _llvm(symbol: Any) -> Any:
    return symbol.address if isinstance(symbol, Pointer) else symbol.value


def _vector_of(a: Any, *_: Any) -> Any:
    return Vector(a.dtype)


def _number_in(x: Any) -> Any:
    return x.number


vector_length = traced(memory.vector_length, lambda a: types.intp)
offset = traced(memory.offset, lambda a, n: a)
entry = traced(memory.entry, lambda *_: types.intp)
load = traced(memory.load, _vector_of)
store = traced(memory.store, lambda *_: types.none)
broadcast = traced(memory.broadcast, _vector_of)
scalar = traced(memory.scalar, lambda a, x: a.dtype)
constant = traced(memory.constant, _vector_of)
add_scaled = traced(memory.add_scaled, lambda *_: types.none)
one_hot = traced(memory.one_hot, _vector_of)
reduce_add = traced(memory.reduce_add, _number_in)
reduce_max = traced(memory.reduce_max, _number_in)
first = traced(memory.first, _number_in)
add_first_two = traced(memory.add_first_two, _number_in)
fma = traced(arithmetic.fma)
where_greater = traced(arithmetic.where_greater)
sqrt = traced(arithmetic.sqrt)
absolute = traced(arithmetic.absolute)
exp = traced(elementary.exp)
log = traced(elementary.log)
log1p = traced(elementary.log1p)
sigmoid = traced(elementary.sigmoid)
sigmoid_parts = traced(elementary.sigmoid_parts, 2)
exp_of_parts = traced(elementary.exp_of_parts)
stored_exp = traced(elementary.stored_exp, _vector_of)
zero_above = traced(elementary.zero_above)
tanh = traced(elementary.tanh)


def _register(operation: Callable[..., Any]) -> None:
    """Teach Numba an operation of two vectors."""

    class Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, arguments: Any, keywords: Any) -> Any:
            if len(arguments) != 2 or not isinstance(arguments[0], Vector):
                return None
            same = arguments[0] == arguments[1]
            return arguments[0](*arguments) if same else None

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x, y = values
        return operation(Value(builder, x), Value(builder, y)).value

    infer_global(operation)(Template)
    lower_builtin(operation, Vector, Vector)(lower)


for _operation in (operator.add, operator.sub, operator.mul, operator.truediv):
    _register(_operation)
