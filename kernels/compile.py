"""How functions are compiled: `helper` for the parts, `kernel` for what Python calls."""

from collections.abc import Callable
from typing import Any

import numba

from . import cache

# No branch at a division, which would stop the vectoriser; a product and a sum may become one fused operation.
# "nnan" and "ninf" stay out: they delete every test for NaN.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


def helper(function: Callable[..., Any]) -> Any:
    """A part of a kernel, copied into it.

    A call would pass seven words an array on the stack: the per-sample loop took 1.5 times as long with calls.
    """
    return numba.njit(inline="always", **_OPTIONS)(function)


def sum_helper(function: Callable[..., Any]) -> Any:
    """A part of a kernel whose sums may be split over SIMD lanes (in an order that is always the same).

    It is called, not copied: what is copied takes on the kernel's rules of arithmetic.
    """
    return numba.njit(**_OPTIONS | {"fastmath": {"contract", "nsz", "reassoc"}})(function)


def kernel(function: Callable[..., Any]) -> Any:
    """A function that Python calls; its machine code is kept on disk (see `cache`)."""
    compiled = numba.njit(**_OPTIONS)(function)
    if not numba.config.DISABLE_JIT:
        compiled._cache = cache.KernelCache(function)
    return compiled
