"""Threads that work for one fit or one sweep: how many, and how they get work."""

# For fit_many, but imported with the rest: it registers itself at exit, which a thread
# that outlives the main one can no longer do.
import concurrent.futures.thread  # noqa: F401
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

from ... import kernels
from ...data.arrays import Array
from ...data.machine import available_threads, thread_limit

# Seconds after which a thread without work looks whether it is needed.
_IDLE_SECONDS = 0.25


def thread_count(n_jobs: int) -> int:
    """Return the number of threads to use: n_jobs, or -1 for all processors.

    There are no more than processors; with -1 the environment may limit them further.
    """
    if n_jobs == 1:
        return 1
    available = available_threads()
    if n_jobs > 0:
        return min(n_jobs, available)
    # the limit takes 8 us to read
    return 1 if available == 1 else int(min(available, thread_limit()))


class Outcome(NamedTuple):
    """A task that has ended, with what it returned or raised."""

    task: Callable[[], Any]
    result: Any
    error: BaseException | None


class Workers:
    """Threads that run tasks for one fit or sweep, until they are closed.

    submit(task) lets a thread call it, and `ended` gets its outcome. n_threads counts
    the threads that could be started: none where the system has no more, or while
    Python ends. Then submit calls the task itself. A process never waits for these
    threads when it ends, and they end when their owner is gone. Signals must be
    deferred while `Workers` and its methods run.
    """

    def __init__(self, n_threads: int) -> None:
        self._tasks: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self.ended: SimpleQueue[Outcome] = SimpleQueue()
        self._threads: list[Thread] = []
        arguments = weakref.ref(self), self._tasks, self.ended
        for _ in range(n_threads):
            thread = Thread(target=_work, args=arguments, daemon=True)
            try:
                thread.start()
            except (RuntimeError, MemoryError):  # no more can be started
                break
            self._threads.append(thread)
        self.n_threads = len(self._threads)
        self.submit = self._tasks.put if self._threads else self._run

    @property
    def alive(self) -> bool:
        """Whether all threads are there; a fork leaves them in the parent process."""
        return all(thread.is_alive() for thread in self._threads)

    def _run(self, task: Callable[[], Any]) -> None:
        self.ended.put(_outcome(task))

    def map(self, function: Callable[..., Any], *columns: Iterable[Any]) -> list[Any]:
        """Return what `map` would yield, computed by all threads."""
        tasks = [partial(function, *row) for row in zip(*columns, strict=True)]
        for task in tasks:
            self.submit(task)
        results = {id(o.task): o.result for o in self._outcomes(len(tasks))}
        return [results[id(task)] for task in tasks]

    def run_together(self, run: Callable[[int], int], sync: Array) -> int:
        """Call run(thread) in all threads at once; return what run(0) returned.

        run(0) is called in this thread, and signals wait until all have returned.
        `sync` is the barrier's shared array.
        """

        def guarded(thread: int) -> int:
            try:
                return run(thread)
            except BaseException:
                # The other threads would wait for this one.
                sync[kernels.codes.GIVEN_UP] = 1
                raise

        with kernels.interrupts.deferred:
            for thread in range(1, self.n_threads + 1):
                self._tasks.put(partial(guarded, thread))
            try:
                status = guarded(0)
            finally:
                self._outcomes(self.n_threads)
            return status

    def close(self) -> None:
        """End the threads, which must have no more work, within a second each."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _outcomes(self, n: int) -> list[Outcome]:
        """Return the outcomes of n tasks when all have ended; raise their first error.

        No task is left running.
        """
        outcomes: list[Outcome] = []
        while len(outcomes) < n:
            try:
                outcomes.append(self.ended.get(timeout=_IDLE_SECONDS))
            except Empty:
                if not self.alive:
                    raise RuntimeError("the threads have died") from None
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        return outcomes


def _work(
    owner: weakref.ref[Workers],
    tasks: "SimpleQueue[Callable[[], Any] | None]",
    ended: "SimpleQueue[Outcome]",
) -> None:
    while owner() is not None:
        try:
            task = tasks.get(timeout=_IDLE_SECONDS)
        except Empty:
            continue
        if task is None:
            return
        ended.put(_outcome(task))
        # It refers to its owner, who may be gone while this thread waits.
        del task


def _outcome(task: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(task, task(), None)
    except BaseException as error:
        return Outcome(task, None, error)
