"""Executors: where the parts of a sweep are trained.

Any `concurrent.futures.Executor` will do, and so will a Dask client. They are told
apart by their methods, so that none of their packages need be there.
"""

import hashlib
import pickle
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any, Protocol

from ..training.engines.threads import thread_count
from .parts import Part, PartResult, Work, compile_for, train_part

# Up to this number of bytes, the work travels with each part; beyond, a process gets
# it when it says that it does not have it.
_SMALL = 100_000
# Number of parts under way at a time where nobody knows how many workers there are.
_UNKNOWN_SLOTS = 16
# The works that a process keeps, by their keys. A process that serves two sweeps at
# once needs two.
_KEPT = 2
_kept: dict[str, Work] = {}


class Workers(Protocol):
    """Those who train parts, each with one thread.

    n_slots is the number of parts that may be under way or waiting at a time. `submit`
    returns a future of the result; the result is None where the part must be submitted
    again, because the work did not arrive with it.
    """

    name: str

    @property
    def n_slots(self) -> int: ...
    def submit(self, part: Part, again: bool) -> Future[PartResult | None]: ...
    def close(self) -> None:
        """Stop the parts that threads of this process train; nobody needs them."""
        return


def choose_workers(executor: Any, work: Work, n_jobs: int) -> Workers:
    """Return those who train parts for executor=; without one, this process does.

    TypeError for what is not an executor; ValueError where the work cannot be sent.
    """
    if executor is None:
        return OneByOne(work) if work.table is None else OwnThreads(work, n_jobs)
    if callable(getattr(executor, "scatter", None)) and callable(
        getattr(executor, "get_executor", None)
    ):
        return DaskWorkers(executor, work)
    if isinstance(executor, ThreadPoolExecutor):
        return ThreadWorkers(executor, work)
    return ExecutorWorkers(executor, work)


def check_executor(executor: Any) -> None:
    """Raise TypeError for what is neither None nor an executor."""
    if executor is not None and (
        isinstance(executor, type) or not callable(getattr(executor, "submit", None))
    ):
        raise TypeError(
            "executor must be a concurrent.futures.Executor, such as "
            f"ProcessPoolExecutor(), or a Dask Client, not {executor!r}"
        )


class OneByOne(Workers):
    """The calling thread, where `fit` trains one net after the other."""

    name, n_slots = "this process", 1

    def __init__(self, work: Work) -> None:
        self._work = work

    def submit(self, part: Part, again: bool) -> Future[PartResult | None]:
        """Train the part, and return a future that is done."""
        return _called(train_part, self._work, part)


class ThreadWorkers(Workers):
    """The threads of a pool, which share the work: nothing is copied or pickled."""

    name = "ThreadPoolExecutor"

    def __init__(self, executor: ThreadPoolExecutor, work: Work) -> None:
        self._executor, self._work = executor, work
        self._stop, self._compiled = Event(), False

    @property
    def n_slots(self) -> int:
        """Two per thread, so that none waits for its next part."""
        return 2 * self._executor._max_workers

    def submit(self, part: Part, again: bool) -> Future[PartResult | None]:
        """Submit the part."""
        if not self._compiled:
            compile_for(self._work, part)
            self._compiled = True
        return self._executor.submit(train_part, self._work, part, self._stop)

    def close(self) -> None:
        """Stop the parts under way."""
        self._stop.set()


class OwnThreads(ThreadWorkers):
    """Threads that end with the sweep, n_jobs or one per processor."""

    name = "this process"

    def __init__(self, work: Work, n_jobs: int) -> None:
        super().__init__(ThreadPoolExecutor(thread_count(n_jobs)), work)

    def submit(self, part: Part, again: bool) -> Future[PartResult | None]:
        """Submit the part; train it here where no thread can be started."""
        try:
            return super().submit(part, again)
        except RuntimeError:
            return _called(train_part, self._work, part)

    def close(self) -> None:
        """Stop the parts under way, and wait for the threads to end."""
        super().close()
        self._executor.shutdown()


def _called(function: Callable[..., PartResult], *arguments: Any) -> Future[Any]:
    """Call a function, and return a future that is done."""
    future: Future[Any] = Future()
    try:
        future.set_result(function(*arguments))
    except Exception as error:
        future.set_exception(error)
    return future


class ExecutorWorkers(Workers):
    """The workers of a `concurrent.futures.Executor`, each of which keeps the work."""

    def __init__(self, executor: Any, work: Work) -> None:
        self.name = type(executor).__name__.lstrip("_")
        self._executor = executor
        try:
            self._content = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise ValueError(
                f"the net cannot be sent to the processes of {self.name}: {error}. "
                "Define the classes of its layers in a module, not in a function"
            ) from error
        self._key = hashlib.sha256(self._content).hexdigest()

    @property
    def n_slots(self) -> int:
        """Two per worker, so that none waits for its next part."""
        return 2 * getattr(self._executor, "_max_workers", 0) or _UNKNOWN_SLOTS

    def submit(self, part: Part, again: bool) -> Future[PartResult | None]:
        """Submit the part, with the work if it is small or was missing."""
        sent = again or len(self._content) <= _SMALL
        content = self._content if sent else None
        future: Future[PartResult | None] = self._executor.submit(
            train_with_kept_work, self._key, content, part
        )
        return future


def train_with_kept_work(
    key: str, content: bytes | None, part: Part
) -> PartResult | None:
    """Train a part with the work of this key; None if this process does not have it.

    content: the pickled work, which this process then keeps.
    """
    work = _kept.get(key)
    if work is None:
        if content is None:
            return None
        work = pickle.loads(content)
        while len(_kept) >= _KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = work
    return train_part(work, part)


class DaskWorkers(Workers):
    """The workers of a Dask cluster, to which the work is scattered."""

    def __init__(self, client: Any, work: Work) -> None:
        self.name = "Dask"
        self._client, self._work = client, work
        self._executor = client.get_executor()
        self._scattered = self._scatter()

    @property
    def n_slots(self) -> int:
        """Two per thread of the workers, which may come and go."""
        nthreads = getattr(self._client, "nthreads", dict[str, int])
        return 2 * sum(nthreads().values()) or _UNKNOWN_SLOTS

    def submit(self, part: Part, again: bool) -> Future[PartResult | None]:
        """Submit the part; again: all workers that held the work are gone."""
        if again:
            self._scattered = self._scatter()
        future: Future[PartResult | None] = self._executor.submit(
            train_part, self._scattered, part
        )
        return future

    def _scatter(self) -> Any:
        if hasattr(self._client, "wait_for_workers"):
            self._client.wait_for_workers(1)
        return self._client.scatter(self._work, broadcast=True, hash=False)
