"""How functions are compiled: who inlines a function, and what Python can call.

| decorator | where the function goes |
|---|---|
| `inlined_by_llvm` | LLVM copies it into its caller: small functions |
| `inlined_loop` | LLVM copies it into its caller, optimised beforehand: a loop |
| `subroutine` | a call: loops, which are optimised once |
| `inlined_by_numba` | Numba copies it into its caller: sequences of subroutines |
| `entry_point` | Python calls it; its machine code is stored on disk |
| `called_by_address` | an entry point calls it by its address; stored on disk, too |
"""

import gc
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

from .. import interrupts
from .cache import KernelCache, counts
from .internal import InlineCompiler, LoopCompiler

log = logging.getLogger("fastnn")

# error_model="numpy": a division has no branch, which would stop the vectoriser.
# No fast-math: with it the compiler chooses what is fused or reordered, and two loops
# over the same net would differ in their last bits.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

# Only compiled code calls these, so they need neither the wrappers that make a function
# callable from Python and C, nor machine code outside their callers.
_INTERNAL = _OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

# A child of a fork compiles too, so no other thread may hold this lock meanwhile.
interrupts.fork_locks.append(global_compiler_lock)


class _Stopped(BaseException):
    """Carries what a signal's handler raised out of Numba, which would change it."""

    def __init__(self, reason: BaseException) -> None:
        self.reason = reason


def _check_signals() -> None:
    """Handle the signals that came."""
    try:
        interrupts.check()
    except BaseException as error:
        raise _Stopped(error) from None


class _SafePoints(event.Listener):  # type: ignore[misc]
    """Handles signals before each pass of Numba's compiler, when nothing is half done.

    What a handler raises ends the compilation, which can be repeated.
    """

    def on_start(self, event: Any) -> None:
        _check_signals()

    def on_end(self, event: Any) -> None:
        pass


class _AnnouncingCache(KernelCache):
    """Cache of a kernel that says when nothing is stored, as compiling takes long."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the stored code for a signature, or None."""
        code = super().load_overload(sig, target_context)
        if code is None:
            log.info("compiling %s", self._name)
            _announce()
        return code

    def _pause(self) -> None:
        _announce()
        _check_signals()
        super()._pause()


@cache
def _announce() -> None:
    """Say in a terminal, once per process, that the first call takes longer."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(
            "fastnn: compiling for some seconds, once on this machine; Ctrl-C stops it",
            file=sys.stderr,
        )


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect garbage rarely: a compilation keeps nearly all of its objects.

    At Python's usual threshold the collector takes a tenth of the time.
    """
    with global_compiler_lock:
        usual = gc.get_threshold()
        gc.set_threshold(max(usual[0], 100_000) if usual[0] else 0, *usual[1:])
        try:
            yield
        finally:
            gc.set_threshold(*usual)


def _undivided(
    compile_for: Callable[..., Any], unlock: Callable[[], None]
) -> Callable[..., Any]:
    """Return a dispatcher's method that compiles, with signals deferred meanwhile."""

    def compile_undivided(*args: Any) -> Any:
        reason: BaseException | None = None
        n_compiled = counts["compiled"]
        with (
            interrupts.undivided(),
            _rare_collections(),
            event.install_listener("numba:run_pass", _SafePoints()),
        ):
            try:
                return compile_for(*args)
            except _Stopped as stopped:
                reason = stopped.reason
            finally:
                unlock()
                # What a signal's handler raised in LLVM's destructors would be lost, so
                # they run here: 0.1 s after a compilation of seconds.
                if reason is not None or counts["compiled"] > n_compiled:
                    gc.collect()
        assert reason is not None
        raise reason

    return compile_undivided


def inlined_by_llvm(function: Callable[..., Any]) -> Any:
    """Compile a small function that LLVM copies into its callers.

    Numba compiles it once per combination of argument types; a literal number has a
    type of its own.
    """
    return numba.njit(forceinline=True, pipeline_class=InlineCompiler, **_INTERNAL)(
        function
    )


def inlined_loop(function: Callable[..., Any]) -> Any:
    """Compile a loop with branches that LLVM copies into its callers.

    It is optimised beforehand: within a large caller LLVM would leave the branches in
    the loop, and no vectors.
    """
    return numba.njit(forceinline=True, pipeline_class=LoopCompiler, **_INTERNAL)(
        function
    )


def subroutine(function: Callable[..., Any]) -> Any:
    """Compile a loop that compiled code calls.

    A subroutine calls no other subroutine: LLVM optimises everything that a function
    calls once more together with it.
    """
    return numba.njit(pipeline_class=LoopCompiler, **_INTERNAL)(function)


def inlined_by_numba(function: Callable[..., Any]) -> Any:
    """Mark a sequence of subroutine calls that Numba copies into its callers."""
    return numba.njit(inline="always", **_OPTIONS)(function)


def entry_point(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, with its machine code stored on disk.

    Signals that come while it is compiled are handled between two passes of Numba's
    compiler. The longest, in which LLVM optimises all, takes 1 to 4 s.
    """
    return _stored(numba.njit(**_OPTIONS)(function), function)


def entry_point_without_allocation(function: Callable[..., Any]) -> Any:
    """Compile an entry point that makes no arrays: it counts no references.

    The caller keeps all arrays alive. A call takes half of the time, and compilation
    less.
    """
    options = _OPTIONS | {"no_cfunc_wrapper": True, "_nrt": False}
    return _stored(numba.njit(**options)(function), function)


def called_by_address(function: Callable[..., Any]) -> Any:
    """Compile a function that entry points call, see `address_of`; Python never does.

    So a loop is compiled without those of its parts that a training does not need.
    Where the examples for `address_of` have a dtype, it gets the `flat` of an array.
    """
    compiled = numba.njit(**_INTERNAL)(function)
    if not numba.config.DISABLE_JIT:
        compiled.typeof_pyval = _type_of
    return _stored(compiled, function)


def _type_of(example: Any) -> Any:
    """Return Numba's type of an example, in which a dtype stands for a flat array."""
    if isinstance(example, np.dtype):
        return types.CPointer(numba.from_dtype(example))
    if isinstance(example, tuple):
        kinds = [_type_of(each) for each in example]
        return types.BaseTuple.from_types(kinds, type(example))
    return numba.typeof(example)


def _stored(compiled: Any, function: Callable[..., Any]) -> Any:
    """Return a compiled function whose machine code is stored on disk."""
    if not numba.config.DISABLE_JIT:
        compiled._cache = stored = _AnnouncingCache(function)
        # Numba calls this method where no machine code fits the arguments' types.
        compile_for = compiled._compile_for_args
        compiled._compile_for_args = _undivided(compile_for, stored.unlock)
    return compiled


def address_of(kernel: Any, *arguments: Any) -> Any:
    """Return the address of an entry point's machine code for these arguments' types.

    Compiled code calls it there, so that a loop is compiled once, whatever calls it.
    In plain Python it is the function itself. See `primitives.calls`.
    """
    if numba.config.DISABLE_JIT:
        return kernel
    kinds = tuple(map(kernel.typeof_pyval, arguments))
    if kinds not in kernel.overloads:
        kernel._compile_for_args(*arguments)
    code = kernel.overloads[kinds]
    return code.library.get_pointer_to_function(code.fndesc.llvm_func_name)
