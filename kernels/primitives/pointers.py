"""Arrays inside the kernels: bare pointers to their numbers.

An array would take seven words in each call, and counting its references cost three
times as much as a tile's arithmetic. In plain Python they are flat arrays.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..codes import VECTOR_BYTES
from .symbols import INT64


def compiled_as(compiled: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a plain Python function with what Numba compiles in its place.

    `compiled` is a function for `numba.extending.intrinsic`. The plain function stays
    available as the result's `plain`.
    """

    def decorate(plain: Callable[..., Any]) -> Any:
        made: Any = plain if numba.config.DISABLE_JIT else intrinsic(compiled)
        made.plain = plain
        return made

    return decorate


def _flat(typing_context: Any, array: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.make_array(array)(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), emit


@compiled_as(_flat)
def flat(array: Any) -> Any:
    """Return the numbers of a C-contiguous array; the caller keeps the array alive."""
    return array.reshape(-1)


def _aligned(typing_context: Any, a: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        address = builder.ptrtoint(values[0], INT64)
        up = builder.add(address, ir.Constant(INT64, VECTOR_BYTES - 1))
        start = builder.and_(up, ir.Constant(INT64, -VECTOR_BYTES))
        return builder.inttoptr(start, values[0].type)

    return a(a), emit


@compiled_as(_aligned)
def aligned(a: Any) -> Any:
    """Return the array from the first number on that begins a cache line.

    It is less than a vector further on. Plain Python needs no alignment.
    """
    return a


def _pointer(typing_context: Any, address: Any, number: Any) -> Any:
    kind = types.CPointer(number.dtype)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(kind))

    return kind(address, number), emit


@compiled_as(_pointer)
def pointer(address: Any, number: Any) -> Any:
    """Return the address as a pointer to numbers of this type, for `carray`."""
    kind = ctypes.POINTER(np.ctypeslib.as_ctypes_type(number))
    return ctypes.cast(int(address), kind)
