"""Calls of compiled functions by their addresses."""

import ctypes
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from .pointers import compiled_as


def _call(typing_context: Any, address: Any, returned: Any, arguments: Any) -> Any:
    result = types.unliteral(returned)
    if isinstance(returned, types.BaseTuple):
        result = types.Tuple([types.unliteral(kind) for kind in returned])
    kinds = [types.unliteral(kind) for kind in arguments]

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        convention = context.call_conv
        kind = convention.get_function_type(result, kinds)
        function = builder.inttoptr(values[0], kind.as_pointer())
        given = [
            context.cast(builder, value, has, wanted)
            for value, has, wanted in zip(
                cgutils.unpack_tuple(builder, values[2], len(kinds)),
                signature.args[2],
                kinds,
                strict=True,
            )
        ]
        status, value = convention.call_function(
            builder, function, result, kinds, given
        )
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return value

    return result(address, returned, arguments), emit


@compiled_as(_call)
def call(function: Any, returned: Any, arguments: Any) -> Any:
    """Call what `compile.address_of` returned with a tuple of arguments.

    They must have the types that it was given. returned: an example of the result.
    """
    return function(*arguments)


def _next_uint32(typing_context: Any, function: Any, state: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [values[1].type]).as_pointer()
        return builder.call(builder.inttoptr(values[0], kind), [values[1]])

    return types.uint32(types.intp, types.intp), emit


@compiled_as(_next_uint32)
def next_uint32(function: Any, state: Any) -> Any:
    """Call the C function that returns a bit generator's next 32 bits.

    Both are addresses, as in the generator's `ctypes` interface.
    """
    return ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p)(int(function))(int(state))
