"""Where the threads of one training wait for each other.

They spin, since an update takes microseconds and waking a thread takes longer; who has to wait longer than that lets
other threads have the processor meanwhile. `sync` is N_SYNC whole numbers, zero at first.
"""

import os
import threading
import time
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..codes import COME, GIVEN_UP, TURNS
from ..compiler.compile import part
from .pointers import primitive

_WORD = ir.IntType(64)
_lock = threading.Lock()
PATIENCE = 5_000  # turns of a loop, some 20 us


def _added(sync: Any, place: int, n: int) -> int:
    """Add n to sync[place], and return what was there, as one operation that nothing can come between."""
    with _lock:
        before = int(sync[place])
        sync[place] += n
    return before


@primitive(_added)
def added(typing_context: Any, sync: Any, place: Any, n: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers, at, by = values
        return builder.atomic_rmw("add", builder.gep(numbers, [at]), by, "seq_cst")

    return types.int64(sync, types.intp, types.int64), emit


def _seen(sync: Any, place: int) -> int:
    """sync[place], as the last thread left it."""
    return _added(sync, place, 0)


@primitive(_seen)
def seen(typing_context: Any, sync: Any, place: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load_atomic(builder.gep(values[0], [values[1]]), "seq_cst", 8)

    return types.int64(sync, types.intp), emit


def _let_others_run() -> None:
    time.sleep(0.0)


@primitive(_let_others_run)
def let_others_run(typing_context: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if os.name == "posix":
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(
                cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), []
            )
        return context.get_dummy_value()

    return types.none(), emit


@part
def wait(sync, n_threads):
    """Return when all threads are here, so that all that they wrote can be read; False if one has given up."""
    if n_threads == 1:
        return True
    turn = seen(sync, TURNS)
    if added(sync, COME, 1) == n_threads - 1:
        added(sync, COME, -n_threads)
        added(sync, TURNS, 1)
    spins = 0
    while seen(sync, TURNS) == turn and seen(sync, GIVEN_UP) == 0:
        spins += 1
        if spins > PATIENCE:
            let_others_run()
    return seen(sync, GIVEN_UP) == 0
