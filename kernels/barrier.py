"""Where the threads of one training wait for each other.

They spin, since an update takes microseconds and waking a thread takes longer; so there must not be more of them than
processors. `sync` is N_SYNC whole numbers, zero at first.
"""

import threading
import time
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .codes import COME, GIVEN_UP, TURNS
from .compile import part

_WORD = ir.IntType(64)
_lock = threading.Lock()


def _added(sync: Any, place: int, n: int) -> int:
    """Add n to sync[place], and return what was there, as one operation that nothing can come between."""
    with _lock:
        before = int(sync[place])
        sync[place] += n
    if n == 0:
        time.sleep(0.0)  # let the others run
    return before


def _compiled(typing_context: Any, sync: Any, place: Any, n: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers, at, by = values
        return builder.atomic_rmw("add", builder.gep(numbers, [at]), by, "seq_cst")

    return types.int64(sync, types.intp, types.int64), emit


def _seen(sync: Any, place: int) -> int:
    """sync[place], as the last thread left it."""
    return _added(sync, place, 0)


def _seen_compiled(typing_context: Any, sync: Any, place: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load_atomic(builder.gep(values[0], [values[1]]), "seq_cst", 8)

    return types.int64(sync, types.intp), emit


added = _added if numba.config.DISABLE_JIT else intrinsic(_compiled)
seen = _seen if numba.config.DISABLE_JIT else intrinsic(_seen_compiled)


@part
def wait(sync, n_threads):
    """Return when all threads are here; all that they wrote can be read then."""
    if n_threads == 1:
        return
    turn = seen(sync, TURNS)
    if added(sync, COME, 1) == n_threads - 1:
        added(sync, COME, -n_threads)
        added(sync, TURNS, 1)
    else:
        while seen(sync, TURNS) == turn and seen(sync, GIVEN_UP) == 0:
            pass
