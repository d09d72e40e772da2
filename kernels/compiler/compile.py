"""How functions are compiled: `helper` and `part` for the parts, `kernel` for what Python calls."""

from collections.abc import Callable
from typing import Any

import numba

from .cache import KernelCache

# No branch at a division, which would stop the vectoriser. No fast-math: it leaves to the compiler what is fused or
# reordered, so that two loops over the same net would differ in their last bits.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


# Parts are called by kernels only: what would make them callable from Python and C is a third of their compile time.
_PART = _OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def helper(function: Callable[..., Any]) -> Any:
    """A small part of a kernel, copied into it by LLVM.

    Numba compiles one for each combination of argument types, of which a literal number is one of its own.
    """
    return numba.njit(forceinline=True, **_PART)(function)


def part(function: Callable[..., Any]) -> Any:
    """A loop that a kernel calls. It calls no other part: LLVM works on all that a function calls once more with it."""
    return numba.njit(**_PART)(function)


def stage(function: Callable[..., Any]) -> Any:
    """What calls parts in a row, copied into the kernel by Numba."""
    return numba.njit(inline="always", **_OPTIONS)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """A function that Python calls; its machine code is kept on disk (see `cache`)."""
    compiled = numba.njit(**_OPTIONS)(function)
    if not numba.config.DISABLE_JIT:
        compiled._cache = KernelCache(function)
    return compiled
