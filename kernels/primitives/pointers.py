"""Arrays inside the kernels: bare pointers to their numbers, see `flat`.

An array would take seven words in each call, and counting its references cost three times as much as a tile's
arithmetic. As plain Python they are flat arrays, whose bounds are looked at.
"""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..codes import VECTOR_BYTES


def primitive(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Mark what Numba's compiler does in place of a plain Python function, which is kept as its `plain`."""

    def marked(compiled: Callable[..., Any]) -> Any:
        made: Any = plain if numba.config.DISABLE_JIT else intrinsic(compiled)
        made.plain = plain
        return made

    return marked


def read(builder: Any, a: Any, array: Any, at: Any, kind: Any) -> Any:
    """A number or vector, of LLVM's type `kind`, that starts at any place of an array whose Numba type is a."""
    found = builder.load(_address(builder, array, at, kind))
    found.align = a.dtype.bitwidth // 8
    return found


def write(builder: Any, a: Any, array: Any, at: Any, value: Any) -> None:
    """Write what `read` reads."""
    stored = builder.store(value, _address(builder, array, at, value.type))
    stored.align = a.dtype.bitwidth // 8


def _address(builder: Any, array: Any, at: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(array, [at]), kind.as_pointer())


def checked(a: Any, at: int, n: int) -> Any:
    """The n numbers a[at], a[at + 1] ... in plain Python, which must be in the array."""
    if not 0 <= at <= a.size - n:
        raise IndexError(f"{n} numbers at {at} of {a.size}")
    return a[at : at + n]


def _flat(array: Any) -> Any:
    """The numbers of a C-contiguous array, in a row. The caller keeps the array alive."""
    return array.reshape(-1)


@primitive(_flat)
def flat(typing_context: Any, array: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.make_array(array)(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), emit


def _after(a: Any, n: int) -> Any:
    """The numbers from a[n] on."""
    return a[n:]


@primitive(_after)
def after(typing_context: Any, a: Any, n: Any) -> Any:
    return a(a, types.intp), lambda context, builder, signature, values: builder.gep(
        values[0], [values[1]]
    )


def _entry(table: Any, row: int, column: int, n_columns: int) -> int:
    """A whole number of a table that is one row of n_columns after another."""
    return int(table[row * n_columns + column])


@primitive(_entry)
def entry(
    typing_context: Any, table: Any, row: Any, column: Any, n_columns: Any
) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers, i, k, n = values
        found = builder.load(builder.gep(numbers, [builder.add(builder.mul(i, n), k)]))
        return builder.zext(found, ir.IntType(64))

    return types.intp(table, types.intp, types.intp, types.intp), emit


def _aligned(a: Any) -> Any:
    """The numbers from the first one on that begins a cache line, less than a vector further."""
    return a


@primitive(_aligned)
def aligned(typing_context: Any, a: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = ir.IntType(64)
        up = builder.add(
            builder.ptrtoint(values[0], word), ir.Constant(word, VECTOR_BYTES - 1)
        )
        return builder.inttoptr(
            builder.and_(up, ir.Constant(word, -VECTOR_BYTES)), values[0].type
        )

    return a(a), emit


def _number(a: Any, x: float) -> Any:
    """x as a number of a's type."""
    return a.dtype.type(x)


@primitive(_number)
def number(typing_context: Any, a: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.cast(builder, values[1], x, a.dtype)

    return a.dtype(a, x), emit
