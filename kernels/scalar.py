"""A mark for loops that are too short for SIMD."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload


@intrinsic
def _hidden(typing_context, i):
    """An empty assembler statement: the compiler must take the number for a new one."""

    def emit(context, builder, signature, arguments):
        word = ir.IntType(64)
        return builder.asm(ir.FunctionType(word, [word]), "", "=r,0", arguments, False)

    return types.int64(types.int64), emit


def one_by_one(i):
    """The integer i, unchanged. A loop whose index went through it is not vectorised.

    Layers of one or two neurons cost more in the tests before a vector loop than in the loop itself:
    the XOR grid's update took 144 ns with vector loops, 67 ns with these.
    """
    return i


@overload(one_by_one, inline="always")
def _compiled(i):
    return lambda i: _hidden(i)
