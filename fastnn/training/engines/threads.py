"""Threads that train one net together: how many, and running them to their end."""

from collections.abc import Callable

from ... import kernels
from ...data.arrays import Array
from ...data.machine import available_threads


def thread_count(n_jobs: int) -> int:
    """Return the number of threads to use: n_jobs, or -1 for all processors."""
    available = available_threads()
    return min(n_jobs, available) if n_jobs > 0 else available


def run_together(run: Callable[[int], int], n_threads: int, sync: Array) -> int:
    """Call run(thread) in n_threads threads, and return what thread 0 returned.

    run(0) is called in this thread. `sync` is the barrier's shared array.
    """
    from concurrent.futures import (
        ThreadPoolExecutor,
    )  # takes 5 ms, and most fits use one thread

    def guarded(thread: int) -> int:
        try:
            return run(thread)
        except BaseException:  # the other threads would wait for this one forever
            sync[kernels.codes.GIVEN_UP] = 1
            raise

    with ThreadPoolExecutor(n_threads - 1) as pool:
        try:
            others = [pool.submit(guarded, thread) for thread in range(1, n_threads)]
            status = run(0)
            for other in others:
                other.result()
            return status
        except BaseException:  # also where a thread could not be started
            sync[kernels.codes.GIVEN_UP] = 1
            raise
