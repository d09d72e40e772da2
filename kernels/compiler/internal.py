"""Compilation of functions that only compiled code calls.

Numba makes machine code of every function, also of those that Python never calls, and
optimises a small function before each caller in which LLVM copies it. Both are left out
here: a fifth of the time that a training loop takes to compile.
"""

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _Linked(JITCodeLibrary):  # type: ignore[misc]
    """LLVM code that is linked into its callers, without machine code of its own."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0, by which Numba knows that Python cannot call the function."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Any:
        """What connects machine code with Python objects: there is none of either."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Keep no Python objects, as compiled code uses none."""


class _Inlined(_Linked):
    """LLVM code of a small function: it is optimised where it is copied to."""

    def _optimize_final_module(self) -> None:
        pass


class LoopCompiler(Compiler):  # type: ignore[misc]
    """Numba's compiler for a loop that compiled code calls: LLVM code, optimised."""

    _library = _Linked

    def define_pipelines(self) -> Any:
        """Return Numba's passes; the last fills the library that is given here."""
        state = self.state
        state.library = self._library(
            state.targetctx.codegen(), state.func_id.func_qualname
        )
        state.library.enable_object_caching()
        return super().define_pipelines()


class InlineCompiler(LoopCompiler):
    """Numba's compiler for a small function that LLVM copies: LLVM code as it comes."""

    _library = _Inlined
