"""Reading and writing flat arrays: the same functions in traced code and plain Python.

Plain Python checks bounds; compiled code does not.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from ..codes import VECTOR_BYTES
from .arithmetic import where_greater
from .symbols import INT64, Index, Pointer, Value, index_value

_INT32 = ir.IntType(32)


def vector_length(a: Any) -> int:
    """Return how many of a's numbers fill a vector: 8 of float64, 16 of float32."""
    return VECTOR_BYTES // (_bytes(a.number) if isinstance(a, Pointer) else a.itemsize)


def offset(a: Any, n: Any) -> Any:
    """Return the array from a[n] on."""
    return a.offset(n) if isinstance(a, Pointer) else a[n:]


def entry(table: Any, row: Any, column: Any, n_columns: Any) -> Any:
    """Return an integer of a table that is stored row by row."""
    at = row * n_columns + column
    if not isinstance(table, Pointer):
        return int(table[at])
    number = table.builder.load(table.offset(at).address)
    return Index(table.builder, table.builder.zext(number, INT64))


def load_numbers(a: Any, at: Any, n: int) -> Any:
    """Return the n numbers from a[at] on."""
    if not isinstance(a, Pointer):
        return _checked(a, at, n).copy()
    numbers = a.builder.load(_address(a, at, n))
    numbers.align = _bytes(a.number)
    return Value(a.builder, numbers)


def load(a: Any, at: Any) -> Any:
    """Return the vector that starts at a[at]."""
    return load_numbers(a, at, vector_length(a))


def store(a: Any, at: Any, x: Any) -> None:
    """Write a vector to a[at], a[at + 1] ..."""
    if not isinstance(a, Pointer):
        _checked(a, at, len(x))[:] = x
    else:
        a.builder.store(x.value, _address(a, at, x.count)).align = _bytes(a.number)


def broadcast(a: Any, at: Any) -> Any:
    """Return a vector with a[at] in every lane."""
    return _repeated(load_numbers(a, at, 1), vector_length(a))


def scalar(a: Any, x: Any) -> Any:
    """Return x as a number of a's type."""
    if not isinstance(a, Pointer):
        return a.dtype.type(x)
    build, wide = a.builder, _bytes(a.number)
    if isinstance(x, Index):
        return Value(build, build.sitofp(x.value, a.number))
    if wide == _bytes(x.number):
        return x
    convert = build.fpext if wide == 8 else build.fptrunc
    return Value(build, convert(x.value, a.number))


def constant(a: Any, x: Any) -> Any:
    """Return a vector of a's type with x in every lane."""
    return _repeated(_single(scalar(a, x)), vector_length(a))


def add_scaled(sums: Any, at: Any, x: Any, scale: Any) -> None:
    """Add the numbers x times scale to the float64 numbers from sums[at] on."""
    if not isinstance(sums, Pointer):
        _checked(sums, at, len(x))[:] += x.astype(np.float64) * scale
        return
    if x.number != sums.number:
        wide = ir.VectorType(sums.number, x.count)
        x = Value(x.builder, x.builder.fpext(x.value, wide))
    old = load_numbers(sums, at, x.count)
    store(sums, at, old + x * _repeated(_single(scale), x.count))


def one_hot(a: Any, i: Any) -> Any:
    """Return a vector of a's type with 1 in lane i, if it has one, and otherwise 0."""
    n = vector_length(a)
    if not isinstance(a, Pointer):
        return (np.arange(n) == i).astype(a.dtype)
    build, kind = a.builder, ir.VectorType(INT64, n)
    undefined, first = ir.Constant(kind, ir.Undefined), ir.Constant(_INT32, 0)
    one = build.insert_element(undefined, index_value(i), first)
    all_lanes = ir.Constant(ir.VectorType(_INT32, n), [0] * n)
    index = build.shuffle_vector(one, one, all_lanes)
    is_hot = build.icmp_signed("==", index, ir.Constant(kind, list(range(n))))
    return Value(build, build.uitofp(is_hot, ir.VectorType(a.number, n)))


def zeros(a: Any) -> Any:
    """Return a vector of zeros of a's type."""
    if not isinstance(a, Pointer):
        return np.zeros(vector_length(a), a.dtype)
    kind = ir.VectorType(a.number, vector_length(a))
    return Value(a.builder, ir.Constant(kind, [0.0] * kind.count))


def shuffle(x: Any, y: Any, lanes: list[int]) -> Any:
    """Return the numbers in these lanes of x followed by y."""
    if not isinstance(x, Value):
        return np.concatenate([x, y])[lanes]
    mask = ir.Constant(ir.VectorType(_INT32, len(lanes)), lanes)
    return Value(x.builder, x.builder.shuffle_vector(x.value, y.value, mask))


def lane(x: Any, i: int) -> Any:
    """Return the number in lane i of a vector."""
    if not isinstance(x, Value):
        return x[i]
    return Value(x.builder, x.builder.extract_element(x.value, ir.Constant(_INT32, i)))


def first(x: Any) -> Any:
    """Return the first number of a vector."""
    return lane(x, 0)


def _reduce(x: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """Combine the two halves of a vector until one number is left."""
    n: Any = x.count if isinstance(x, Value) else len(x)
    while n > 1:
        n //= 2
        low, high = (shuffle(x, x, list(range(i, i + n))) for i in (0, n))
        x = combine(low, high)
    return lane(x, 0)


def reduce_add(x: Any) -> Any:
    """Return the sum of a vector's numbers: second half added to first, and so on."""
    return _reduce(x, lambda low, high: low + high)


def reduce_max(x: Any) -> Any:
    """Return the largest of a vector's numbers."""
    return _reduce(x, lambda low, high: where_greater(high, low, high, low))


def add_first_two(x: Any) -> Any:
    """Return the sum of the first two numbers.

    This is the `reduce_add` of a vector whose other numbers are zero.
    """
    return lane(x, 0) + lane(x, 1)


def _single(number: Any) -> Any:
    """Return a vector of one number."""
    if not isinstance(number, Value):
        return np.array([number])
    build, kind = number.builder, ir.VectorType(number.number, 1)
    undefined, at = ir.Constant(kind, ir.Undefined), ir.Constant(_INT32, 0)
    return Value(build, build.insert_element(undefined, number.value, at))


def _repeated(x: Any, n: int) -> Any:
    """Return n times the number of a vector of one."""
    return np.repeat(x, n) if not isinstance(x, Value) else shuffle(x, x, [0] * n)


def _bytes(number: Any) -> int:
    return 8 if isinstance(number, ir.DoubleType) else 4


def _address(a: Pointer, at: Any, n: int) -> Any:
    kind = ir.VectorType(a.number, n)
    first = a.builder.gep(a.address, [index_value(at)])
    return a.builder.bitcast(first, kind.as_pointer())


def _checked(a: Any, at: int, n: int) -> Any:
    if not 0 <= at <= a.size - n:
        raise IndexError(f"{n} numbers from index {at} on, but the array has {a.size}")
    return a[at : at + n]
