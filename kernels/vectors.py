"""Vectors of 64 bytes as values in compiled code: 8 numbers of float64, 16 of float32, on every processor.

Where registers are shorter the compiler takes several of them, and the bits stay the same. As plain Python a vector is
a small NumPy array.

Inside the kernels arrays are bare pointers, see `flat`: an array would take seven words in each call, and counting its
references cost three times as much as a tile's arithmetic. As plain Python they are flat arrays, whose bounds are
looked at.
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

from . import arithmetic, elementary
from .arithmetic import Pointer, Value
from .codes import VECTOR_BYTES as BYTES

_I32 = ir.IntType(32)


class Vector(types.Type):  # type: ignore[misc]
    """Numba's name for the type."""

    def __init__(self, number: Any) -> None:
        self.number, self.count = number, BYTES * 8 // number.bitwidth
        super().__init__(name=f"vector of {self.count} {number}")

    def ir(self) -> Any:
        """LLVM's."""
        return ir.VectorType(ir.DoubleType() if self.number == types.float64 else ir.FloatType(), self.count)


@register_model(Vector)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.ir())


def _primitive(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Mark what Numba's compiler does in place of a plain Python function."""
    return lambda compiled: plain if numba.config.DISABLE_JIT else intrinsic(compiled)


def _pointer(builder: Any, array: Any, at: Any, to: Any) -> Any:
    return builder.bitcast(builder.gep(array, [at]), to.as_pointer())


def _flat(array: Any) -> Any:
    """The numbers of a C-contiguous array, in a row. The caller keeps the array alive."""
    return array.reshape(-1)


@_primitive(_flat)
def flat(typing_context: Any, array: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.make_array(array)(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), emit


def _after(a: Any, n: int) -> Any:
    """The numbers from a[n] on."""
    return a[n:]


@_primitive(_after)
def after(typing_context: Any, a: Any, n: Any) -> Any:
    return a(a, types.intp), lambda context, builder, signature, values: builder.gep(values[0], [values[1]])


def _entry(table: Any, row: int, column: int, n_columns: int) -> int:
    """A whole number of a table that is one row of n_columns after another."""
    return int(table[row * n_columns + column])


@_primitive(_entry)
def entry(typing_context: Any, table: Any, row: Any, column: Any, n_columns: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers, i, k, n = values
        found = builder.load(builder.gep(numbers, [builder.add(builder.mul(i, n), k)]))
        return builder.zext(found, ir.IntType(64))

    return types.intp(table, types.intp, types.intp, types.intp), emit


def _aligned(a: Any) -> Any:
    """The numbers from the first one on that begins a cache line, less than a vector further."""
    return a


@_primitive(_aligned)
def aligned(typing_context: Any, a: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = ir.IntType(64)
        up = builder.add(builder.ptrtoint(values[0], word), ir.Constant(word, BYTES - 1))
        return builder.inttoptr(builder.and_(up, ir.Constant(word, -BYTES)), values[0].type)

    return a(a), emit


def _number(a: Any, x: float) -> Any:
    """x as a number of a's type."""
    return a.dtype.type(x)


@_primitive(_number)
def number(typing_context: Any, a: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.cast(builder, values[1], x, a.dtype)

    return a.dtype(a, x), emit


def _load(a: Any, at: int) -> Any:
    """The vector a[at], a[at + 1] ..."""
    return _checked(a, at, BYTES // a.itemsize).copy()


def _checked(a: Any, at: int, n: int) -> Any:
    if not 0 <= at <= a.size - n:
        raise IndexError(f"{n} numbers at {at} of {a.size}")
    return a[at : at + n]


@_primitive(_load)
def load(typing_context: Any, a: Any, at: Any) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _read(builder, a, *values).value

    return kind(a, types.intp), emit


def _store(a: Any, at: int, x: Any) -> None:
    """Write a vector to a[at], a[at + 1] ..."""
    _checked(a, at, len(x))[:] = x


@_primitive(_store)
def store(typing_context: Any, a: Any, at: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place, vector = values
        stored = builder.store(vector, _pointer(builder, array, place, x.ir()))
        stored.align = a.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.none(a, types.intp, x), emit


def _spread(a: Any, at: int) -> Any:
    """A vector of a[at] only."""
    return np.full(BYTES // a.itemsize, _checked(a, at, 1)[0])


@_primitive(_spread)
def spread(typing_context: Any, a: Any, at: Any) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place = values
        number = builder.load(_pointer(builder, array, place, kind.ir().element))
        return _repeat(builder, kind, number)

    return kind(a, types.intp), emit


def _constant(a: Any, x: float) -> Any:
    """A vector of x only, of a's type."""
    return np.full(BYTES // a.itemsize, x, a.dtype)


@_primitive(_constant)
def constant(typing_context: Any, a: Any, x: Any) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _repeat(builder, kind, context.cast(builder, values[1], x, a.dtype))

    return kind(a, x), emit


def _repeat(builder: Any, kind: Vector, number: Any) -> Any:
    nothing = ir.Constant(kind.ir(), ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_I32, kind.count), [0] * kind.count))


def _halves(builder: Any, x: Any, n: int) -> tuple[Any, Any]:
    nothing = ir.Constant(x.type, ir.Undefined)
    kind = ir.VectorType(_I32, n)
    return tuple(
        builder.shuffle_vector(x, nothing, ir.Constant(kind, list(range(start, start + n)))) for start in (0, n)
    )


def _total(x: Any) -> Any:
    """The sum of a vector's numbers: the second half is added to the first one, and so on."""
    while len(x) > 1:
        x = x[: len(x) // 2] + x[len(x) // 2 :]
    return x[0]


@_primitive(_total)
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


@_primitive(_first_two)
def first_two(typing_context: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fadd(*(builder.extract_element(values[0], ir.Constant(_I32, i)) for i in range(2)))

    return x.number(x), emit


def _largest(x: Any) -> Any:
    """The largest of a vector's numbers."""
    return np.max(x)


@_primitive(_largest)
def largest(typing_context: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (rest,), n = values, x.count
        while n > 1:
            n //= 2
            low, high = _halves(builder, rest, n)
            rest = builder.select(builder.fcmp_ordered(">", high, low), high, low)
        return builder.extract_element(rest, ir.Constant(_I32, 0))

    return x.number(x), emit


def _start(theta: Any, at: int, step: int, m: tuple[int, ...]) -> Any:
    """A block: for each of len(m) numbers theta[at], theta[at + step] ... a pair of vectors of that number only."""
    return tuple(_spread(theta, at + i * step) for i in range(len(m)) for _ in range(2))


@_primitive(_start)
def start(typing_context: Any, theta: Any, at: Any, step: Any, m: Any) -> Any:
    kind = Vector(theta.dtype)
    block = types.UniTuple(kind, 2 * len(m))

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place, stride, _ = values
        pairs = []
        for _ in range(len(m)):
            number = builder.load(_pointer(builder, array, place, kind.ir().element))
            pairs += [_repeat(builder, kind, number)] * 2
            place = builder.add(place, stride)
        return context.make_tuple(builder, block, pairs)

    return block(theta, types.intp, types.intp, m), emit


def _nothing(a: Any, m: tuple[int, ...]) -> Any:
    """A block of zeros."""
    return tuple(np.zeros(BYTES // a.itemsize, a.dtype) for _ in range(2 * len(m)))


@_primitive(_nothing)
def nothing(typing_context: Any, a: Any, m: Any) -> Any:
    kind = Vector(a.dtype)
    block = types.UniTuple(kind, 2 * len(m))

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.make_tuple(builder, block, [ir.Constant(kind.ir(), [0.0] * kind.count)] * 2 * len(m))

    return block(a, m), emit


def _add_products(block: Any, a: Any, x: int, theta: Any, w: int, step: int) -> Any:
    """Add to each pair of a block the two vectors at a[x] times that pair's number theta[w + its place * step]."""
    count = BYTES // a.itemsize
    pair = _checked(a, x, count), _checked(a, x + count, count)
    return tuple(pair[i % 2] * theta[w + i // 2 * step] + old for i, old in enumerate(block))


@_primitive(_add_products)
def add_products(typing_context: Any, block: Any, a: Any, x: Any, theta: Any, w: Any, step: Any) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        old, array, first, weights, place, stride = values
        second = builder.add(first, ir.Constant(first.type, kind.count))
        pair = [_read(builder, a, array, at) for at in (first, second)]
        new = []
        for i in range(block.count):
            if i % 2 == 0:
                number = builder.load(_pointer(builder, weights, place, kind.ir().element))
                weight = Value(builder, _repeat(builder, kind, number))
                place = builder.add(place, stride)
            new.append(arithmetic.fma(pair[i % 2], weight, Value(builder, builder.extract_value(old, i))).value)
        return context.make_tuple(builder, block, new)

    return block(block, a, types.intp, theta, types.intp, types.intp), emit


def _keep(a: Any, at: int, step: int, block: Any) -> None:
    """Write a block's pairs to a[at], a[at + step] ..."""
    for i in range(0, len(block), 2):
        _checked(a, at + i // 2 * step, 2 * len(block[i]))[:] = np.concatenate(block[i : i + 2])


@_primitive(_keep)
def keep(typing_context: Any, a: Any, at: Any, step: Any, block: Any) -> Any:
    kind = Vector(a.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place, stride, vectors = values
        for i in range(0, block.count, 2):
            for at in (place, builder.add(place, ir.Constant(place.type, kind.count))):
                pointer = _pointer(builder, array, at, kind.ir())
                stored = builder.store(builder.extract_value(vectors, i + (at is not place)), pointer)
                stored.align = a.dtype.bitwidth // 8
            place = builder.add(place, stride)
        return context.get_dummy_value()

    return types.none(a, types.intp, types.intp, block), emit


def _read(builder: Any, kind: Any, array: Any, at: Any) -> Value:
    loaded = builder.load(_pointer(builder, array, at, Vector(kind.dtype).ir()))
    loaded.align = kind.dtype.bitwidth // 8
    return Value(builder, loaded)


def _outer(block: Any, a: Any, x: int, x_step: int, d: Any, z: int, z_step: int) -> Any:
    """Add to a block of 4 times 2 the products of the vectors d[z + k z_step] and a[x + j x_step], k < 4 and j < 2."""
    count = BYTES // a.itemsize
    rows = [_checked(a, x + j * x_step, count) for j in range(2)]
    return tuple(rows[i % 2] * _checked(d, z + i // 2 * z_step, count) + old for i, old in enumerate(block))


@_primitive(_outer)
def outer(typing_context: Any, block: Any, a: Any, x: Any, x_step: Any, d: Any, z: Any, z_step: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        old, array, first, a_step, other, place, d_step = values
        rows = [_read(builder, a, array, at) for at in (first, builder.add(first, a_step))]
        new = []
        for i in range(block.count):
            if i % 2 == 0:
                column = _read(builder, d, other, place)
                place = builder.add(place, d_step)
            new.append(arithmetic.fma(rows[i % 2], column, Value(builder, builder.extract_value(old, i))).value)
        return context.make_tuple(builder, block, new)

    return block(block, a, types.intp, types.intp, d, types.intp, types.intp), emit


def _add_totals(g: Any, at: int, s0: Any, s1: Any, s2: Any, s3: Any) -> None:
    """Add to g[at], g[at + 1] ... the totals of four vectors, each summed as `total` does it."""
    four = _checked(g, at, 4)
    four += np.array([_total(s0), _total(s1), _total(s2), _total(s3)])


@_primitive(_add_totals)
def add_totals(typing_context: Any, g: Any, at: Any, s0: Any, s1: Any, s2: Any, s3: Any) -> Any:
    def folded(builder: Any, x: Any, y: Any, n: int) -> Any:
        """Halve the n numbers that are left of each sum in x, then in y: all first halves plus all second halves."""
        every = range(0, x.type.count * (1 if x is y else 2), n)
        halves = []
        for half in (0, n // 2):
            places = [first + half + i for first in every for i in range(n // 2)]
            halves.append(builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(_I32, len(places)), places)))
        return builder.fadd(*halves)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, place, x, y, u, v = values
        n = s0.count
        rest = folded(builder, folded(builder, x, y, n), folded(builder, u, v, n), n // 2)
        n //= 4
        while n > 1:
            rest, n = folded(builder, rest, rest, n), n // 2
        pointer = _pointer(builder, array, place, rest.type)
        old = builder.load(pointer)
        stored = builder.store(builder.fadd(old, rest), pointer)
        old.align = stored.align = g.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.none(g, types.intp, s0, s1, s2, s3), emit


def _numbers_in(a: Any) -> int:
    """How many numbers of an array fill a vector."""
    return BYTES // int(a.itemsize)


@_primitive(_numbers_in)
def numbers_in(typing_context: Any, a: Any) -> Any:
    count = Vector(a.dtype).count
    return types.intp(a), lambda context, builder, signature, values: ir.Constant(ir.IntType(64), count)


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
            found = function(*(_traceable(builder, *pair) for pair in zip(arguments, values, strict=True)))
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
        return tuple(Value(builder, builder.extract_value(value, i)) for i in range(kind.count))
    return Value(builder, value)


fma = traced(arithmetic.fma)
where_greater = traced(arithmetic.where_greater)
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
            if len(arguments) == 2 and isinstance(arguments[0], Vector) and arguments[0] == arguments[1]:
                return arguments[0](*arguments)
            return None

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x, y = values
        return operation(Value(builder, x), Value(builder, y)).value

    infer_global(operation)(Template)
    lower_builtin(operation, Vector, Vector)(lower)


for _operation in (operator.add, operator.sub, operator.mul, operator.truediv):
    _register(_operation)
