"""How functions are compiled: who inlines a function, and what Python can call.

| decorator | where the function goes |
|---|---|
| `inlined_by_llvm` | LLVM copies it into its caller: small functions |
| `subroutine` | a call: loops, which are optimised once |
| `inlined_by_numba` | Numba copies it into its caller: sequences of subroutines |
| `entry_point` | Python calls it; its machine code is stored on disk |
"""

from collections.abc import Callable
from typing import Any

import numba

from .cache import KernelCache

# error_model="numpy": a division has no branch, which would stop the vectoriser.
# No fast-math: with it the compiler chooses what is fused or reordered, and two loops
# over the same net would differ in their last bits.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

# Only compiled code calls these. A third of a function's compile time goes into the
# wrappers that make it callable from Python and C.
_INTERNAL = _OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inlined_by_llvm(function: Callable[..., Any]) -> Any:
    """Compile a small function that LLVM copies into its callers.

    Numba compiles it once per combination of argument types; a literal number has a
    type of its own.
    """
    return numba.njit(forceinline=True, **_INTERNAL)(function)


def subroutine(function: Callable[..., Any]) -> Any:
    """Compile a loop that compiled code calls.

    A subroutine calls no other subroutine: LLVM optimises everything that a function
    calls once more together with it.
    """
    return numba.njit(**_INTERNAL)(function)


def inlined_by_numba(function: Callable[..., Any]) -> Any:
    """Mark a sequence of subroutine calls that Numba copies into its callers."""
    return numba.njit(inline="always", **_OPTIONS)(function)


def entry_point(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, with its machine code stored on disk."""
    compiled = numba.njit(**_OPTIONS)(function)
    if not numba.config.DISABLE_JIT:
        compiled._cache = KernelCache(function)
    return compiled
