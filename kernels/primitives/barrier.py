"""A barrier: where the threads of one training wait for each other.

They spin, since an update takes microseconds and waking a thread takes longer. A thread
that has to wait longer than that lets others have the processor. `sync` is an array of
N_SYNC integers, zero at first.
"""

import os
import threading
import time
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..codes import ARRIVED, GIVEN_UP, TURNS
from ..compiler.compile import subroutine
from .pointers import compiled_as

SPINS = 5_000  # some 20 us
_lock = threading.Lock()


def _fetch_add(typing_context: Any, sync: Any, at: Any, n: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers, index, summand = values
        address = builder.gep(numbers, [index])
        return builder.atomic_rmw("add", address, summand, "seq_cst")

    return types.int64(sync, types.intp, types.int64), emit


@compiled_as(_fetch_add)
def fetch_add(sync: Any, at: int, n: int) -> int:
    """Add n to sync[at] and return what was there, as one atomic operation."""
    with _lock:
        before = int(sync[at])
        sync[at] += n
    return before


def _fetch(typing_context: Any, sync: Any, at: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load_atomic(builder.gep(values[0], [values[1]]), "seq_cst", 8)

    return types.int64(sync, types.intp), emit


@compiled_as(_fetch)
def fetch(sync: Any, at: int) -> int:
    """Return sync[at] as the last thread left it."""
    with _lock:
        return int(sync[at])


def _yield_processor(typing_context: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if os.name == "posix":
            kind = ir.FunctionType(ir.IntType(32), [])
            name = "sched_yield"
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.none(), emit


@compiled_as(_yield_processor)
def yield_processor() -> None:
    """Let another thread have the processor."""
    time.sleep(0.0)


@subroutine
def wait(sync, n_threads):
    """Return True when all threads are here, or False if one has given up.

    All that a thread wrote before can then be read by the others.
    """
    if n_threads == 1:
        return True
    turn = fetch(sync, TURNS)
    if fetch_add(sync, ARRIVED, 1) == n_threads - 1:
        fetch_add(sync, ARRIVED, -n_threads)
        fetch_add(sync, TURNS, 1)
    spins = 0
    while fetch(sync, TURNS) == turn and fetch(sync, GIVEN_UP) == 0:
        spins += 1
        if spins > SPINS:
            yield_processor()
    return fetch(sync, GIVEN_UP) == 0
